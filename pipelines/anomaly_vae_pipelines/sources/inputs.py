"""Inputs: the paths of a run as an ordered list of sources; here files of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.errors import LostInputError, SourceError
from anomaly_vae_pipelines.io.files import expand, size_of
from anomaly_vae_pipelines.sources.blocks import Source
from anomaly_vae_pipelines.sources.opening import format_of, input_files, open_source
from anomaly_vae_pipelines.sources.truncation import check_not_truncated


class TableInputs:
    """Files, directories and patterns of CSV, JSON Lines and Parquet.

    Attributes
    ----------
    names : tuple of str
        Names of the sources in messages and in the summary of the run.
    sizes : tuple of int or None
        Size of each in bytes on disk, if known.

    Parameters
    ----------
    paths : sequence of str
        As given by the user; ``-`` is standard input.
    given_format : str or None
        "csv", "jsonl" or "parquet"; None for the format of the suffix.
    reading : Reading, optional
        How text is read; plain CSV by default.

    Raises
    ------
    SourceError
        For a pattern or a directory without files.
    """

    def __init__(
        self, paths: Sequence[str], given_format: str | None = None, reading: Reading | None = None
    ) -> None:
        self.names = tuple(input_files(expand(paths)))
        self.sizes = tuple(size_of(path) for path in self.names)
        self._format, self._reading = given_format, reading

    def open(self, number: int) -> Source:
        """The source of a file; raises LostInputError if it has vanished or shrunk since the run started."""
        name, size = self.names[number], self.sizes[number]
        found = size_of(name)
        check_not_truncated(name, size, found)
        try:
            return open_source(name, self._format, self._reading)
        except SourceError as error:
            if number and size is not None and found is None:
                raise LostInputError(f"{error}; it existed when the run started") from error
            raise

    def format(self, number: int) -> str:
        """The format of a file."""
        return format_of(self.names[number], self._format)

    def paths(self) -> Sequence[str]:
        """The files."""
        return self.names

    def identity(self) -> list[Any]:
        """Names and sizes: what must be unchanged for a run to be resumed, as JSON values."""
        return [list(pair) for pair in zip(self.names, self.sizes, strict=True)]
