"""Selection of rows and columns, and checks of column names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from anomaly_vae_pipelines.errors import SourceError, UnknownNameError, nearest
from anomaly_vae_pipelines.plurals import listed
from anomaly_vae_pipelines.records import Label, Rows
from anomaly_vae_pipelines.sources.blocks import Source

_MOST_NAMED = 8


def only_normal(pieces: Iterable[Rows], label: Label) -> Iterator[Rows]:
    """The rows with the normal value of a label; raises UnknownNameError if there are none."""
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


def without(columns: Sequence[str], excluded: Iterable[str]) -> list[str]:
    """The columns without those that are excluded, in order."""
    dropped = set(excluded)
    return [name for name in columns if name not in dropped]


def check_unique_names(source: str, line: int | None, columns: Sequence[str]) -> None:
    """Raise SourceError if two columns of a source have the same name."""
    if len(set(columns)) < len(columns):
        column, count = Counter(columns).most_common(1)[0]
        problem = f"{count} columns are named {column!r}; column names must be unique, so rename them"
        raise SourceError(source, line, problem)


def require_columns(names: Iterable[str], source: Source | Rows, wanted_by: str = "", name: str = "") -> None:
    """Raise UnknownNameError for the first name that is not a column of a source."""
    where = name or getattr(source, "name", "")
    for wanted in names:
        if wanted not in source.columns:
            hint = _delimiter_hint(source.columns) or _columns_hint(wanted, source.columns)
            problem = f"{where}: there is no column {wanted!r}{wanted_by}{hint}"
            raise UnknownNameError(problem, wanted, source.columns)


def _delimiter_hint(columns: Sequence[str]) -> str:
    """A hint for files with a delimiter other than the comma."""
    others = [delimiter for delimiter in ";\t|" if delimiter in columns[0]] if len(columns) == 1 else []
    return f" (its delimiter seems to be {others[0]!r}; wanted commas)" if others else ""


def _columns_hint(wanted: str, columns: Sequence[str]) -> str:
    """The columns that there are, if none has a name like the one that is wanted."""
    return "" if nearest(wanted, columns) is not None else f"; its columns are {listed(columns, _MOST_NAMED)}"


def _nothing_normal(label: Label, source: str, others: Iterable[str]) -> UnknownNameError:
    seen = list(others)
    shown = ", ".join(map(repr, seen[:5])) + (", ..." if len(seen) > 5 else "")
    problem = f"{source}: no row has {label.normal!r} in column {label.column!r} (its values: {shown})"
    return UnknownNameError(problem, label.normal, seen)
