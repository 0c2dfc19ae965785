"""ImageInputs: folders, image files, arrays and patterns as the sources of a model of images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.images.frame import Frame
from anomaly_vae_pipelines.images.layouts import (
    ImageFile,
    is_array_file,
    is_image_file,
    scoring_files,
    single_image,
)
from anomaly_vae_pipelines.io.files import expand, is_url, shown
from anomaly_vae_pipelines.sources.arrays import ArraySource
from anomaly_vae_pipelines.sources.blocks import OpenedSource
from anomaly_vae_pipelines.sources.images import ImageSource

Listing = tuple[str, list[ImageFile]]


class ImageInputs:
    """Folders (plain or laid out as MVTec's), image files, ``.npy`` and ``.npz`` arrays, and patterns.

    Files that are given one after the other are one source. With several folders, the images are called
    by the folder as well.

    Parameters
    ----------
    paths : sequence of str
        As the user gave them.
    frame : Frame
        What the images are to be.

    Raises
    ------
    InputError
        For what holds no images.
    """

    def __init__(self, paths: Sequence[str], frame: Frame) -> None:
        self._frame = frame
        self._listings = _listings(expand(paths))
        self.names = tuple(name for name, _ in self._listings)
        self.sizes: tuple[int | None, ...] = tuple(
            sum(file.n_bytes for file in files) for _, files in self._listings
        )

    def open(self, number: int) -> OpenedSource:
        """The source of a folder, of some files, or of an array."""
        name, files = self._listings[number]
        return (
            ArraySource(name, self._frame) if is_array_file(name) else ImageSource(name, files, self._frame)
        )

    def format(self, number: int) -> str:
        """Neither of the formats of tables."""
        return "image"

    def paths(self) -> Sequence[str]:
        """Every image file and array."""
        return [file.path for file in self.files()]

    def files(self) -> list[ImageFile]:
        """Every image file and array, with the name it goes by."""
        return [file for _, files in self._listings for file in files]

    def identity(self) -> list[Any]:
        """Names, and for each a digest of the files in it with their sizes."""
        return [[name, len(files), _digest(files)] for name, files in self._listings]


def _listings(paths: Sequence[str]) -> list[Listing]:
    n_folders, found = sum(Path(path).is_dir() for path in paths), []
    run: list[ImageFile] = []
    for path in paths:
        _refuse_others(path)
        if is_image_file(path) and not Path(path).is_dir():
            if not run:
                found.append((path, run))
            run.append(single_image(path))
            continue
        run = []
        found.append((path, _within(path, alone=n_folders == len(paths) == 1)))
    return found


def _within(path: str, *, alone: bool) -> list[ImageFile]:
    """The images of a folder; of an array the file."""
    if not Path(path).is_dir():
        return [single_image(path)]
    files = scoring_files(path)
    if alone:
        return files
    return [file.called(Path(path, file.name).as_posix()) for file in files]


def _refuse_others(path: str) -> None:
    """Raise InputError for what is neither a folder nor named as an image or an array."""
    if path == "-" or is_url(path):
        raise InputError(f"{shown(path)}: images are read from local files and folders; copy them there")
    if not Path(path).is_dir() and not _is_image_input(path):
        if not Path(path).exists():
            raise SourceError(path, None, "there is no such file; wanted a folder of images")
        raise SourceError(
            path, None, "is no image, and the model was fitted on images; wanted a folder of PNG, JPEG or "
            "WebP files, such a file, or an array (.npy, .npz)"
        )  # fmt: skip


def _is_image_input(path: str) -> bool:
    return is_image_file(path) or is_array_file(path)


def _digest(files: Sequence[ImageFile]) -> str:
    listed = "\n".join(f"{file.path}\t{file.n_bytes}" for file in files)
    return hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()[:16]
