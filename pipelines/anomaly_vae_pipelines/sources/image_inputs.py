"""ImageInputs: folders, image files, arrays and patterns as sources for a model of images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

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
from anomaly_vae_pipelines.io.files import display_name, expand, is_url
from anomaly_vae_pipelines.sources.arrays import ArraySource
from anomaly_vae_pipelines.sources.blocks import Source
from anomaly_vae_pipelines.sources.images import ImageSource
from anomaly_vae_pipelines.sources.inputs import TableInputs

Listing = tuple[str, list[ImageFile]]


class ImageInputs:
    """Folders (plain or with MVTec's layout), image files, ``.npy`` and ``.npz`` arrays, and patterns.

    Consecutive files are one source. With several folders, the names of images start with the folder.

    Parameters
    ----------
    paths : sequence of str
        As given by the user.
    frame : Frame
        Size and channels of the images.

    Raises
    ------
    InputError
        If a path has no images.
    """

    def __init__(self, paths: Sequence[str], frame: Frame) -> None:
        self._frame = frame
        self._listings = _listings(expand(paths))
        self.names = tuple(name for name, _ in self._listings)
        self.sizes: tuple[int | None, ...] = tuple(
            sum(file.n_bytes for file in files) for _, files in self._listings
        )

    def open(self, number: int) -> Source:
        """The source of a folder, of some files, or of an array."""
        name, files = self._listings[number]
        return (
            ArraySource(name, self._frame) if is_array_file(name) else ImageSource(name, files, self._frame)
        )

    def format(self, number: int) -> str:
        """Always "image"."""
        return "image"

    def paths(self) -> Sequence[str]:
        """Every image file and array."""
        return [file.path for file in self.files()]

    def files(self) -> list[ImageFile]:
        """Every image file and array, with its name in results."""
        return [file for _, files in self._listings for file in files]

    def identity(self) -> list[Any]:
        """Names, each with the number of its files and a digest of their paths and sizes."""
        return [[name, len(files), _digest(files)] for name, files in self._listings]


Inputs: TypeAlias = TableInputs | ImageInputs
"""The sources of a run, each of which is read once, in order."""


def _listings(paths: Sequence[str]) -> list[Listing]:
    n_folders, found = sum(Path(path).is_dir() for path in paths), []
    run: list[ImageFile] = []
    for path in paths:
        _check_path(path)
        if is_image_file(path) and not Path(path).is_dir():
            if not run:
                found.append((path, run))
            run.append(single_image(path))
            continue
        run = []
        found.append((path, _within(path, alone=n_folders == len(paths) == 1)))
    return found


def _within(path: str, *, alone: bool) -> list[ImageFile]:
    """The images of a folder, or the file of an array."""
    if not Path(path).is_dir():
        return [single_image(path)]
    files = scoring_files(path)
    if alone:
        return files
    return [file.renamed(Path(path, file.name).as_posix()) for file in files]


def _check_path(path: str) -> None:
    """Raise InputError if a path is neither a folder nor has the suffix of an image or an array."""
    if path == "-" or is_url(path):
        raise InputError(f"{display_name(path)}: images must be local files or folders; copy them")
    if not Path(path).is_dir() and not (is_image_file(path) or is_array_file(path)):
        if not Path(path).exists():
            raise SourceError(path, None, "file not found; wanted a folder of images")
        raise SourceError(
            path, None, "is not an image, and the model was fitted on images; wanted a folder of PNG, JPEG "
            "or WebP files, such a file, or an array (.npy, .npz)"
        )  # fmt: skip


def _digest(files: Sequence[ImageFile]) -> str:
    listed = "\n".join(f"{file.path}\t{file.n_bytes}" for file in files)
    return hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()[:16]
