"""Layouts: lists of the images in a folder, plain or with the layout of MVTec data sets.

    plain    images anywhere below the folder
    MVTec    train/good/, test/good/, test/<defect>/, ground_truth/<defect>/ (Bergmann et al. 2019)

Hidden files and folders, and files without the suffix of an image, are skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.images.decoding import SUFFIXES

TRAIN, TEST, MASKS, GOOD = "train", "test", "ground_truth", "good"
ARRAYS = frozenset({".npy", ".npz"})
"""Suffixes of arrays of images."""


@dataclass(frozen=True)
class ImageFile:
    """An image file: its path, its name in results, and its size in bytes."""

    path: str
    name: str
    n_bytes: int

    def renamed(self, name: str) -> ImageFile:
        """The same file with another name."""
        return replace(self, name=name)


def is_image_file(path: str) -> bool:
    """Whether a path has the suffix of an image."""
    return Path(path).suffix.lower() in SUFFIXES


def is_array_file(path: str) -> bool:
    """Whether a path has the suffix of an array."""
    return Path(path).suffix.lower() in ARRAYS


def is_mvtec(folder: str | Path) -> bool:
    """Whether a folder has the layout of MVTec, with good images for training or for test."""
    folder = Path(folder)
    return (folder / TRAIN / GOOD).is_dir() or (folder / TEST / GOOD).is_dir()


def holds_images(folder: str | Path) -> bool:
    """Whether there is an image anywhere below a folder."""
    return next(_walk(Path(folder)), None) is not None


def training_files(folder: str) -> list[ImageFile]:
    """Training images: all images of a folder; with the layout of MVTec those of ``train/good``.

    Raises SourceError if there are none.
    """
    if not holds_images(folder):
        raise SourceError(folder, None, "has neither tables nor images; wanted files such as .csv or .png")
    return list_images(folder, Path(folder) / TRAIN / GOOD if is_mvtec(folder) else None)


def scoring_files(folder: str) -> list[ImageFile]:
    """Images to score: all images of a folder; with the layout of MVTec those below ``test``.

    Raises SourceError if there are none.
    """
    return list_images(folder, Path(folder) / TEST if is_mvtec(folder) else None)


def list_images(folder: str, within: Path | None = None) -> list[ImageFile]:
    """The images below a folder, or a part of it, sorted by their path relative to the folder.

    Raises SourceError if there are none.
    """
    root, part = Path(folder), within or Path(folder)
    found = [_entry(path, path.relative_to(root).as_posix()) for path in _walk(part)]
    if not found:
        wanted = ", ".join(sorted(SUFFIXES))
        raise SourceError(str(part), None, f"is a folder without images; wanted {wanted}")
    return sorted(found, key=lambda entry: entry.name)


def single_image(path: str) -> ImageFile:
    """An image file with its path as name; raises SourceError if it does not exist."""
    if not Path(path).exists():
        raise SourceError(path, None, "file not found; wanted an image")
    return _entry(Path(path), path)


def defects(folder: str) -> dict[str, list[ImageFile]]:
    """The test images in the layout of MVTec, by kind, "good" first.

    Raises InputError if the folder has another layout, no good images, or no anomalous ones.
    """
    test = Path(folder) / TEST
    kinds = sorted(path.name for path in test.iterdir() if path.is_dir()) if test.is_dir() else []
    found = {kind: list_images(folder, test / kind) for kind in kinds if holds_images(test / kind)}
    if GOOD not in found or len(found) < 2:
        raise InputError(
            f"{folder}: wanted a folder with the layout of MVTec, normal images in {TEST}/{GOOD} and "
            f"anomalous ones in {TEST}/<defect>, got {_listed(found, test)}"
        )
    return {GOOD: found.pop(GOOD), **found}


def mask_of(folder: str, image: ImageFile) -> Path | None:
    """The mask of the anomalous pixels of a test image; None if there is none."""
    _, kind, *below = Path(image.name).parts
    path = Path(folder, MASKS, kind, *below)
    names = (f"{path.stem}.png", f"{path.stem}_mask.png")
    return next((mask for mask in map(path.with_name, names) if mask.is_file()), None)


def _entry(path: Path, name: str) -> ImageFile:
    try:
        n_bytes = path.stat().st_size
    except OSError:  # a broken link is rejected when it is read
        n_bytes = 0
    readable = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return ImageFile(str(path), readable, n_bytes)


def _walk(folder: Path) -> Iterator[Path]:
    """Images below a folder; links are followed, but each folder is visited once."""
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(parent)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and is_image_file(name):
                yield Path(parent, name)


def _listed(found: dict[str, list[ImageFile]], test: Path) -> str:
    if not test.is_dir():
        return f"no folder {TEST!r}"
    return f"images in {', '.join(f'{TEST}/{kind}' for kind in found)}" if found else f"no images in {TEST}"
