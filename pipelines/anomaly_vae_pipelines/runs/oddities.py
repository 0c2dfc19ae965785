"""Oddities: what is odd about the columns of a training table, each with the option that changes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from anomaly_vae.columns.readers import MAX_CATEGORIES, IdentifierReader, Reader

MOST_MISSING = 0.5
"""A column with a larger share of missing cells is odd."""


def oddities_of(reader: Reader, cells: pd.Series) -> tuple[str, ...]:
    """What is odd about a column, given how it is read."""
    found, present = [], cells[cells.notna()]
    if not len(present):
        found.append(f"has no value; leave it out with --ignore {reader.name}")
    elif len(present) < (1 - MOST_MISSING) * len(cells):
        found.append(f"{1 - len(present) / len(cells):.0%} of its cells are missing")
    elif reader.kind == "constant":
        found.append("has one value only")
    if isinstance(reader, IdentifierReader):
        found.append(f"hardly repeats a value, so it is left out; say so with --id {reader.name}")
    elif reader.kind == "categorical" and present.nunique() > MAX_CATEGORIES:
        found.append(f"has more than {MAX_CATEGORIES} categories; the rare ones are read as one")
    if reader.kind == "numeric" and (n_infinite := int(np.isinf(present.to_numpy(dtype=np.float64)).sum())):
        are = "cell is" if n_infinite == 1 else "cells are"
        found.append(f"{n_infinite:,} {are} infinite or beyond the range of floats; correct them")
    elif reader.kind == "numeric" and (text := _far_nines(present)) is not None:
        found.append(f"{text} is far above all others; if it means a missing value, add --na {text}")
    return tuple(found)


def oddities_in_short(readers: Sequence[Reader], table: pd.DataFrame) -> tuple[str, ...]:
    """The oddities of the columns of a table, with their names, without the identifiers, which fits report.

    Empty for readers of other columns than those of the table, as behind the steps of a Pipeline.
    """
    if [reader.name for reader in readers] != list(map(str, table.columns)):
        return ()
    return tuple(
        f"{reader.name}: {text}"
        for j, reader in enumerate(readers)
        if not isinstance(reader, IdentifierReader)
        for text in oddities_of(reader, table.iloc[:, j])
    )


def _far_nines(numbers: pd.Series) -> str | None:
    """A number such as 9999 that is repeated and far above all others."""
    values = numbers.to_numpy(dtype=np.float64)
    most, rest = values.max(), values[values < values.max()]
    is_nines = most >= 99 and float(most).is_integer() and set(str(int(most))) == {"9"}
    if not is_nines or not len(rest) or (values == most).sum() < 2 or most < 2 * rest.max():
        return None
    return str(int(most))
