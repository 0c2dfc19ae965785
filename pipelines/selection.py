"""Stages that keep some rows or some columns of each chunk, and refuse names that are not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipelines.errors import UnknownNameError
from pipelines.records import Label, TextChunk


@dataclass(frozen=True)
class OnlyNormal:
    """Keep the rows that carry a label's normal value; raises UnknownNameError where none does."""

    label: Label

    def __call__(self, chunks: Iterable[TextChunk]) -> Iterator[TextChunk]:
        """One chunk a chunk, some of them without rows."""
        others: dict[str, None] = {}
        found = False
        for chunk in chunks:
            require([self.label.column], chunk)
            labels = chunk.column(self.label.column)
            kept = [i for i, text in enumerate(labels) if text == self.label.normal]
            others.update(dict.fromkeys(labels))
            found = found or bool(kept)
            yield _take(chunk, kept)
        if others and not found:
            raise _nothing_normal(self.label, chunk.source, others)


@dataclass(frozen=True)
class Without:
    """Leave columns out; raises UnknownNameError for one that is not there."""

    names: Sequence[str]

    def __call__(self, chunks: Iterable[TextChunk]) -> Iterator[TextChunk]:
        """One chunk a chunk, narrower."""
        for chunk in chunks:
            require(self.names, chunk)
            kept = [i for i, name in enumerate(chunk.columns) if name not in self.names]
            columns = tuple(chunk.columns[i] for i in kept)
            rows = [[row[i] for i in kept] for row in chunk.rows]
            yield TextChunk(columns, rows, chunk.lines, chunk.source)


def require(names: Iterable[str], chunk: TextChunk, wanted_by: str = "") -> None:
    """Raise UnknownNameError at the first name that is no column of the chunk."""
    known = set(chunk.columns)
    for name in names:
        if name not in known:
            problem = f"{chunk.source}: there is no column {name!r}{wanted_by}{_delimiter_hint(chunk)}"
            raise UnknownNameError(problem, name, chunk.columns)


def _take(chunk: TextChunk, kept: Sequence[int]) -> TextChunk:
    rows, lines = [chunk.rows[i] for i in kept], [chunk.lines[i] for i in kept]
    return TextChunk(chunk.columns, rows, lines, chunk.source)


def _delimiter_hint(chunk: TextChunk) -> str:
    """A word to those whose cells are parted by something other than commas."""
    only = chunk.columns[0]
    strange = [mark for mark in ";\t|" if mark in only] if len(chunk.columns) == 1 else []
    return f" (its cells seem to be parted by {strange[0]!r}; wanted commas)" if strange else ""


def _nothing_normal(label: Label, source: str, others: Iterable[str]) -> UnknownNameError:
    seen = list(others)
    shown = ", ".join(map(repr, seen[:5])) + (", ..." if len(seen) > 5 else "")
    problem = f"{source}: no row has {label.normal!r} in column {label.column!r} (it holds {shown})"
    return UnknownNameError(problem, label.normal, seen)
