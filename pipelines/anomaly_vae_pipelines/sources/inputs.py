"""Inputs: what a run was told to read, as sources in order; here files of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from anomaly_vae_pipelines.errors import LostInputError, SourceError
from anomaly_vae_pipelines.io.files import expand, size_of
from anomaly_vae_pipelines.sources.blocks import OpenedSource
from anomaly_vae_pipelines.sources.cuts import refuse_cut
from anomaly_vae_pipelines.sources.opening import format_of, input_files, open_source


class Inputs(Protocol):
    """What a run reads, source by source.

    Attributes
    ----------
    names : tuple of str
        What each source is called in messages and in the account of the run.
    sizes : tuple of int or None
        Bytes of each as it lies on disk, where that is known.
    """

    names: tuple[str, ...]
    sizes: tuple[int | None, ...]

    def open(self, number: int) -> OpenedSource:
        """A source, to be used as a context; raises SourceError where it cannot be opened."""

    def format(self, number: int) -> str:
        """The format of a source."""

    def paths(self) -> Sequence[str]:
        """Every file that is read."""

    def identity(self) -> list[Any]:
        """What must be the same for a run to go on, fit for JSON."""


class TableInputs:
    """Files, directories and patterns of CSV, JSON Lines and Parquet.

    Parameters
    ----------
    paths : sequence of str
        As the user gave them; ``-`` is standard input.
    given_format : str or None
        "csv", "jsonl" or "parquet"; by suffix where None.

    Raises
    ------
    SourceError
        For a pattern or a directory without files.
    """

    def __init__(self, paths: Sequence[str], given_format: str | None = None) -> None:
        self.names = tuple(input_files(expand(paths)))
        self.sizes = tuple(size_of(path) for path in self.names)
        self._format = given_format

    def open(self, number: int) -> OpenedSource:
        """The source of a file; one that is gone or shorter since the run began is a failure."""
        name, size = self.names[number], self.sizes[number]
        found = size_of(name)
        refuse_cut(name, size, found)
        try:
            return open_source(name, self._format)
        except SourceError as error:
            if number and size is not None and found is None:
                raise LostInputError(f"{error}; it was there when the run began") from error
            raise

    def format(self, number: int) -> str:
        """The format of a file."""
        return format_of(self.names[number], self._format)

    def paths(self) -> Sequence[str]:
        """The files."""
        return self.names

    def identity(self) -> list[Any]:
        """Names and sizes."""
        return [list(pair) for pair in zip(self.names, self.sizes, strict=True)]
