"""Arrivals: what comes into a watched place, and how one of its files is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.images.frame import Frame
from anomaly_vae_pipelines.images.layouts import is_image_file, list_images, single_image
from anomaly_vae_pipelines.io.files import compression_of
from anomaly_vae_pipelines.sources.blocks import OpenedSource
from anomaly_vae_pipelines.sources.images import ImageSource
from anomaly_vae_pipelines.sources.opening import format_of, input_files, open_growing


class Arrivals(Protocol):
    """The files of a kind in a watched place."""

    def within(self, folder: Path) -> list[Path]:
        """The files that are in a folder; none is no mistake."""

    def open(self, path: Path) -> OpenedSource:
        """The source of a file, to be used as a context; raises SourceError."""

    def is_whole_only(self, path: Path) -> bool:
        """Whether a file can only be read when it is complete."""


class TableArrivals:
    """Files of rows, to which more may be added at their end.

    Parameters
    ----------
    place : Path
        What is watched.
    given_format : str or None
        "csv", "jsonl" or "parquet"; by suffix where None.
    """

    def __init__(self, place: Path, given_format: str | None = None) -> None:
        self._place, self._format = place, given_format

    def within(self, folder: Path) -> list[Path]:
        """The files of rows in a folder."""
        try:
            return [Path(name) for name in input_files([str(folder)])]
        except InputError:
            return []

    def open(self, path: Path) -> OpenedSource:
        """The rows of a file that are whole."""
        return open_growing(str(path), self._given())

    def is_whole_only(self, path: Path) -> bool:
        """Whether a file is compressed, or Parquet."""
        return compression_of(str(path)) is not None or format_of(str(path), self._given()) == "parquet"

    def _given(self) -> str | None:
        """The format of a file; a renamed one, as ``app.csv.1``, has that of the watched name."""
        if self._format is None and not self._place.is_dir():
            return format_of(str(self._place))
        return self._format


class ImageArrivals:
    """Image files, each of which is read when it no longer changes.

    Parameters
    ----------
    place : Path
        What is watched; images in a folder are called by their way from it.
    frame : Frame
        What the images are to be.
    """

    def __init__(self, place: Path, frame: Frame) -> None:
        if not place.is_dir() and not is_image_file(str(place)):
            raise InputError(
                f"{place}: is neither a folder nor an image, and the model was fitted on images; watch a "
                f"folder that receives them"
            )
        self._place, self._frame = place, frame

    def within(self, folder: Path) -> list[Path]:
        """The images anywhere below a folder."""
        try:
            return [Path(file.path) for file in list_images(str(folder))]
        except InputError:
            return []

    def open(self, path: Path) -> OpenedSource:
        """One image."""
        name = path.relative_to(self._place).as_posix() if path.is_relative_to(self._place) else str(path)
        file = single_image(str(path))
        return ImageSource(str(path), [file if name == "." else file.called(name)], self._frame)

    def is_whole_only(self, path: Path) -> bool:
        """Always."""
        return True
