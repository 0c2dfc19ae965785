"""KeyColumn: the column of a table that says which model scores a row, and the columns without it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.columns.cells import as_text, check_cell_types
from anomaly_vae.columns.table import Table

NO_MODEL = -1
"""The position of a row whose key is missing, or is none of the keys."""

Positions = NDArray[np.int64]

_WHOLE = re.compile(r"-?[0-9]+(\.0)?")


@dataclass(frozen=True)
class KeyColumn:
    """The column of keys.

    Attributes
    ----------
    position : int
        Its position, from 0.
    """

    position: int

    def features(self, X: Table) -> Table:
        """The other columns."""
        if isinstance(X, np.ndarray):
            return np.delete(X, self.position, axis=1)
        return X.iloc[:, [j for j in range(X.shape[1]) if j != self.position]]

    def factorized(self, X: Table) -> tuple[Positions, NDArray[np.str_]]:
        """Codes of rows, shape (n_rows,), and the distinct keys in ascending order; a missing key is -1.

        Keys are texts, so that 1, 1.0 and "1" are one key. Raises CellTypeError for a cell that is not text,
        a number, a boolean or a date.
        """
        codes, texts = self._distinct(X)
        keys, merged = np.unique(texts, return_inverse=True)
        return np.append(merged.astype(np.int64), NO_MODEL)[codes], keys

    def positions(self, X: Table, keys: NDArray[np.str_]) -> Positions:
        """The position in ``keys``, which ascend, of the key of each row; ``NO_MODEL`` without one.

        A text such as "1.0", as pandas writes a whole number beside missing cells, is the key "1" unless it
        is a key itself, and the other way round.
        """
        codes, texts = self._distinct(X)
        found = _find(keys, texts)
        lacking = np.flatnonzero(found == NO_MODEL)
        if len(lacking):
            found[lacking] = _find(keys, np.array(list(map(_other_form, texts[lacking].tolist())), dtype=str))
        return np.append(found, NO_MODEL)[codes].astype(np.int64)

    def _distinct(self, X: Table) -> tuple[Positions, NDArray[np.str_]]:
        """Codes of rows and a text for each code; a missing key has the code -1."""
        if isinstance(X, np.ndarray) and X.dtype.kind in "fiub":
            numbers = X[:, self.position]
            present = ~np.isnan(numbers.astype(np.float64))
            values, known = np.unique(numbers[present], return_inverse=True)
            codes = np.full(len(X), NO_MODEL)
            codes[present] = known
            return codes, np.array([_text(value) for value in values], dtype=str)
        import pandas as pd

        column = pd.Series(X[:, self.position]) if isinstance(X, np.ndarray) else X.iloc[:, self.position]
        name = f"x{self.position}" if isinstance(X, np.ndarray) else str(column.name)
        check_cell_types(column, name)
        found, distinct = pd.factorize(column)
        texts: Any = as_text(pd.Series(distinct)).astype(object)
        return np.asarray(found, dtype=np.int64), np.array(list(texts), dtype=str)


def _find(keys: NDArray[np.str_], texts: NDArray[np.str_]) -> Positions:
    """The position in ``keys`` of each text, shape (n_texts,); ``NO_MODEL`` for other texts."""
    found = np.searchsorted(keys, texts)
    known = np.flatnonzero(found < len(keys))
    is_key = np.zeros(len(texts), dtype=bool)
    is_key[known] = keys[found[known]] == texts[known]
    return np.where(is_key, found, NO_MODEL).astype(np.int64)


def _other_form(text: str) -> str:
    """A whole number with ".0" without it, and the other way round; other texts as they are."""
    if not _WHOLE.fullmatch(text):
        return text
    return text.removesuffix(".0") if text.endswith(".0") else f"{text}.0"


def _text(value: np.generic) -> str:
    """A number as text, as ``as_text`` writes it."""
    number = value.item()
    return str(int(number)) if isinstance(number, float) and number.is_integer() else str(number)
