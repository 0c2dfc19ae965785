"""What the text of a cell means: missing, a number, a truth value, or text.

The same words mean the same at fitting and at scoring. Dates stay text: the detector recognises and
reads them itself, so that they too are read in one way.
"""

from __future__ import annotations

import warnings
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.errors import MixedColumnWarning
from pipelines.records import TextChunk

MISSING = frozenset(
    {
        "",
        "#N/A",
        "#NA",
        "-NaN",
        "-nan",
        "<NA>",
        "N/A",
        "NA",
        "NAN",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "na",
        "nan",
        "null",
    }
)
"""Texts of a cell that holds nothing, spaces around them aside."""

MIXED_SHARE = 0.9
"""A text column of which more than this share is numbers is probably a column of numbers with slips."""

_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Cells:
    """Some columns of a chunk, read as text and as numbers.

    Attributes
    ----------
    texts : Series of shape (n_columns * n_rows,)
        One column after the other; NaN where a cell is missing.
    numbers : array of shape (n_columns, n_rows)
        NaN where a cell is missing or no number.
    slips : array of bool, shape (n_columns, n_rows)
        Where a cell is there and is no number.
    """

    texts: pd.Series
    numbers: NDArray[np.float64]
    slips: NDArray[np.bool_]

    @classmethod
    def read(cls, chunk: TextChunk, names: Sequence[str]) -> Cells:
        """All columns at once, which is much quicker than one at a time where there are thousands."""
        columns = dict(zip(chunk.columns, zip(*chunk.rows, strict=True), strict=False))
        written = pd.Series([cell for name in names for cell in columns.get(name, ())], dtype="str")
        texts = written.mask(written.str.strip().isin(MISSING))
        numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        slips = np.isnan(numbers) & texts.notna().to_numpy()
        shape = len(names), len(chunk.rows)
        return cls(texts, numbers.reshape(shape), slips.reshape(shape))

    def text(self, column: int) -> pd.Series:
        """One column as text."""
        n_rows = self.numbers.shape[1]
        return self.texts.iloc[column * n_rows : (column + 1) * n_rows].reset_index(drop=True)


def text_frame(chunk: TextChunk, names: Sequence[str], numeric: Container[str] = ()) -> pd.DataFrame:
    """Some columns of a chunk as text, missing cells as NaN.

    Those in ``numeric`` come as numbers, if all of their cells are; else as text too, for whoever
    reads them to find the cell that is none.
    """
    cells = Cells.read(chunk, names)
    columns = {
        name: cells.numbers[j] if name in numeric and not cells.slips[j].any() else cells.text(j)
        for j, name in enumerate(names)
    }
    return pd.DataFrame(columns, columns=list(names))


def collect(chunks: Iterable[TextChunk]) -> pd.DataFrame:
    """All rows of all chunks, each column as numbers, truth values or text.

    Warns with MixedColumnWarning of columns that a few cells keep from being numbers.
    """
    names: tuple[str, ...] = ()
    parts, lines = [], []
    for chunk in chunks:
        names = chunk.columns
        parts.append(Cells.read(chunk, names))
        lines.append(np.asarray(chunk.lines, dtype=np.int64))
    places = np.concatenate(lines)
    return pd.DataFrame({name: _column(parts, j, name, places) for j, name in enumerate(names)})


def _column(parts: Sequence[Cells], j: int, name: str, lines: NDArray[np.int64]) -> pd.Series:
    slips = np.concatenate([part.slips[j] for part in parts])
    if not slips.any():
        return pd.Series(np.concatenate([part.numbers[j] for part in parts]))
    texts = pd.concat([part.text(j) for part in parts], ignore_index=True)
    folded, present = texts.str.lower(), texts.notna()
    if set(folded[present]) == set(_TRUTH):
        return folded.map(_TRUTH).astype("boolean")
    if slips.sum() < (1.0 - MIXED_SHARE) * present.sum():
        first = np.flatnonzero(slips)[0]
        _warn_mixed(name, texts.iloc[first], lines[first], slips.sum())
    return texts


def _warn_mixed(name: str, text: str, line: int, n_slips: int) -> None:
    warnings.warn(
        f"column {name!r} is read as text, not as numbers, because of {n_slips} of its cells, the first of "
        f"them {text!r} on line {line}; mend them, or leave them empty where the value is missing",
        MixedColumnWarning,
        stacklevel=2,
    )


def text_chunks(table: pd.DataFrame, max_rows: int) -> Iterator[TextChunk]:
    """A table as chunks of text that read back as the same cells; at least one, as sources do."""
    names = tuple(map(str, table.columns))
    for start in range(0, max(1, len(table)), max_rows):
        piece = table.iloc[start : start + max_rows]
        columns = [[_cell_text(cell) for cell in piece[name].tolist()] for name in table.columns]
        yield TextChunk(names, list(zip(*columns, strict=True)))


def _cell_text(cell: object) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return repr(cell).removesuffix(".0") if cell == cell else ""
    return "" if cell is None or cell is pd.NaT or cell is pd.NA else str(cell)
