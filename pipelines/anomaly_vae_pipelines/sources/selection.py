"""Which rows and columns to take, and a refusal of names that are not there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from anomaly_vae_pipelines.errors import SourceError, UnknownNameError
from anomaly_vae_pipelines.records import Label, Rows


class HasColumns(Protocol):
    """Anything with columns that can be named in a message."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""


def only_normal(pieces: Iterable[Rows], label: Label) -> Iterator[Rows]:
    """The rows that carry a label's normal value; raises UnknownNameError where none does."""
    others: dict[str, None] = {}
    found, source = False, ""
    for piece in pieces:
        labels = piece.cells(label.column)
        kept = np.array([text == label.normal for text in labels], dtype=bool)
        others.update(dict.fromkeys(labels))
        found, source = found or bool(kept.any()), piece.source
        yield piece.take(kept)
    if others and not found:
        raise _nothing_normal(label, source, others)


def without(columns: Sequence[str], left_out: Iterable[str]) -> list[str]:
    """The columns that are not left out, in order."""
    dropped = set(left_out)
    return [name for name in columns if name not in dropped]


def refuse_doubles(source: str, line: int | None, columns: Sequence[str]) -> None:
    """Raise SourceError where two columns of a source have one name."""
    if len(set(columns)) < len(columns):
        column, count = Counter(columns).most_common(1)[0]
        problem = f"{count} columns are named {column!r}; wanted a name of its own for each, so rename them"
        raise SourceError(source, line, problem)


def require_columns(names: Iterable[str], source: HasColumns, wanted_by: str = "", name: str = "") -> None:
    """Raise UnknownNameError at the first name that is no column of a source."""
    where = name or getattr(source, "name", "")
    for wanted in names:
        if wanted not in source.columns:
            problem = f"{where}: there is no column {wanted!r}{wanted_by}{_delimiter_hint(source.columns)}"
            raise UnknownNameError(problem, wanted, source.columns)


def _delimiter_hint(columns: Sequence[str]) -> str:
    """A word to those whose cells are parted by something other than commas."""
    strange = [mark for mark in ";\t|" if mark in columns[0]] if len(columns) == 1 else []
    return f" (its cells seem to be parted by {strange[0]!r}; wanted commas)" if strange else ""


def _nothing_normal(label: Label, source: str, others: Iterable[str]) -> UnknownNameError:
    seen = list(others)
    shown = ", ".join(map(repr, seen[:5])) + (", ..." if len(seen) > 5 else "")
    problem = f"{source}: no row has {label.normal!r} in column {label.column!r} (it holds {shown})"
    return UnknownNameError(problem, label.normal, seen)
