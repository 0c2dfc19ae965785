"""Arrivals: the files that appear at a watched path, and how each is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.images.frame import Frame
from anomaly_vae_pipelines.images.layouts import is_image_file, list_images, single_image
from anomaly_vae_pipelines.io.files import compression_of
from anomaly_vae_pipelines.sources.blocks import Source
from anomaly_vae_pipelines.sources.images import ImageSource
from anomaly_vae_pipelines.sources.opening import format_of, grows, input_files, open_growing


class TableArrivals:
    """Files of rows, to which rows may be appended.

    Parameters
    ----------
    watched : Path
        File or folder that is watched.
    given_format : str or None
        "csv", "jsonl" or "parquet"; None for the format of the suffix.
    reading : Reading, optional
        How text is read; plain CSV by default.
    """

    def __init__(
        self, watched: Path, given_format: str | None = None, reading: Reading | None = None
    ) -> None:
        self._watched, self._format, self._reading = watched, given_format, reading

    def files_in(self, folder: Path) -> list[Path]:
        """The files of rows in a folder."""
        try:
            return [Path(name) for name in input_files([str(folder)])]
        except InputError:
            return []

    def open(self, path: Path) -> Source:
        """The complete rows of a file."""
        return open_growing(str(path), self._given(), self._reading)

    def needs_complete_file(self, path: Path) -> bool:
        """Whether a file is compressed, or of a format that is read as a whole."""
        return compression_of(str(path)) is not None or not grows(str(path), self._given())

    def _given(self) -> str | None:
        """The given format, or that of a watched file, which its rotated files (``app.csv.1``) have too."""
        if self._format is None and not self._watched.is_dir():
            return format_of(str(self._watched))
        return self._format


class ImageArrivals:
    """Image files, each of which is read once it no longer changes.

    Parameters
    ----------
    watched : Path
        File or folder that is watched; images in a folder are named by their relative path.
    frame : Frame
        Size and channels of the images.
    """

    def __init__(self, watched: Path, frame: Frame) -> None:
        if not watched.is_dir() and not is_image_file(str(watched)):
            raise InputError(
                f"{watched}: is neither a folder nor an image, and the model was fitted on images; watch a "
                f"folder of images"
            )
        self._watched, self._frame = watched, frame

    def files_in(self, folder: Path) -> list[Path]:
        """The images anywhere below a folder."""
        try:
            return [Path(file.path) for file in list_images(str(folder))]
        except InputError:
            return []

    def open(self, path: Path) -> Source:
        """One image."""
        name = path.relative_to(self._watched).as_posix() if path.is_relative_to(self._watched) else str(path)
        file = single_image(str(path))
        return ImageSource(str(path), [file if name == "." else file.renamed(name)], self._frame)

    def needs_complete_file(self, path: Path) -> bool:
        """True for every image."""
        return True


Arrivals: TypeAlias = TableArrivals | ImageArrivals
"""The files of one kind at a watched path."""
