"""Layouts: the images of a folder in order, plain or as MVTec lays out its data sets.

    plain    images anywhere below the folder
    MVTec    train/good/, test/good/, test/<defect>/, ground_truth/<defect>/ (Bergmann et al. 2019)

Files and folders whose names begin with a dot are passed over, and so is what has no image's suffix.
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
"""Suffixes of arrays that hold images."""


@dataclass(frozen=True)
class ImageFile:
    """An image file: where it is, what it is called in results, and its bytes."""

    path: str
    name: str
    n_bytes: int

    def called(self, name: str) -> ImageFile:
        """The same file by another name."""
        return replace(self, name=name)


def is_image_file(path: str) -> bool:
    """Whether a name is that of an image."""
    return Path(path).suffix.lower() in SUFFIXES


def is_array_file(path: str) -> bool:
    """Whether a name is that of an array."""
    return Path(path).suffix.lower() in ARRAYS


def is_mvtec(folder: str | Path) -> bool:
    """Whether a folder is laid out as MVTec's, with good images to learn from or to be tested on."""
    folder = Path(folder)
    return (folder / TRAIN / GOOD).is_dir() or (folder / TEST / GOOD).is_dir()


def holds_images(folder: str | Path) -> bool:
    """Whether there is an image anywhere below a folder."""
    return next(_walk(Path(folder)), None) is not None


def training_files(folder: str) -> list[ImageFile]:
    """What to learn from: all images of a folder, of MVTec's layout those of ``train/good``.

    Raises SourceError where there is none.
    """
    return list_images(folder, Path(folder) / TRAIN / GOOD if is_mvtec(folder) else None)


def scoring_files(folder: str) -> list[ImageFile]:
    """What to score: all images of a folder, of MVTec's layout those below ``test``.

    Raises SourceError where there is none.
    """
    return list_images(folder, Path(folder) / TEST if is_mvtec(folder) else None)


def list_images(folder: str, within: Path | None = None) -> list[ImageFile]:
    """The images below a folder, or a part of it, by name relative to the folder, in order of these names.

    Raises SourceError where there is none.
    """
    root, part = Path(folder), within or Path(folder)
    found = [_entry(path, path.relative_to(root).as_posix()) for path in _walk(part)]
    if not found:
        wanted = ", ".join(sorted(SUFFIXES))
        raise SourceError(str(part), None, f"is a folder without images; wanted files that end in {wanted}")
    return sorted(found, key=lambda entry: entry.name)


def single_image(path: str) -> ImageFile:
    """One image file, called as it was given; raises SourceError where there is none."""
    if not Path(path).exists():
        raise SourceError(path, None, "there is no such file; wanted an image")
    return _entry(Path(path), path)


def defects(folder: str) -> dict[str, list[ImageFile]]:
    """The test images of MVTec's layout by kind, "good" first.

    Raises InputError where the folder is not laid out so, or has no good ones, or no others.
    """
    test = Path(folder) / TEST
    kinds = sorted(path.name for path in test.iterdir() if path.is_dir()) if test.is_dir() else []
    found = {kind: list_images(folder, test / kind) for kind in kinds if holds_images(test / kind)}
    if GOOD not in found or len(found) < 2:
        raise InputError(
            f"{folder}: wanted a folder laid out as MVTec's, with normal images in {TEST}/{GOOD} and "
            f"anomalous ones in {TEST}/<defect>, got {_listed(found, test)}"
        )
    return {GOOD: found.pop(GOOD), **found}


def mask_of(folder: str, image: ImageFile) -> Path | None:
    """The picture of what is anomalous in a test image; None where there is none."""
    _, kind, *below = Path(image.name).parts
    place = Path(folder, MASKS, kind, *below)
    names = (f"{place.stem}.png", f"{place.stem}_mask.png")
    return next((path for path in map(place.with_name, names) if path.is_file()), None)


def _entry(path: Path, name: str) -> ImageFile:
    try:
        n_bytes = path.stat().st_size
    except OSError:  # a broken link is refused where it is read
        n_bytes = 0
    return ImageFile(str(path), _readable(name), n_bytes)


def _readable(name: str) -> str:
    """A name as Unicode, whatever bytes the file system gave it."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _walk(folder: Path) -> Iterator[Path]:
    """Images below a folder; links are followed, each folder is entered once."""
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(place)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and is_image_file(name):
                yield Path(place, name)


def _listed(found: dict[str, list[ImageFile]], test: Path) -> str:
    if not test.is_dir():
        return f"no folder {TEST!r}"
    return f"images in {', '.join(f'{TEST}/{kind}' for kind in found)}" if found else f"no images in {TEST}"
