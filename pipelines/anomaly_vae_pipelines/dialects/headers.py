"""has_header: whether the first row of a table has the names of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from anomaly_vae_pipelines.dialects.kinds import kind_of

_ENOUGH = 8
"""Rows in which a value that occurs once more is likely to be seen."""


def has_header(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool | None:
    """Whether a row has the names of the columns below it; None if it can be read both ways.

    Names are distinct texts. A number, a date or an empty cell is not a name, unless all are consecutive
    whole numbers. A text above numbers or dates is a name; a text that also occurs below is not. A new text
    above texts that repeat is a name. The cell above names of rows may be empty, as pandas and R write it.
    """
    cells = [cell.strip() for cell in first]
    if _are_consecutive(cells) and not _continues(cells, body):
        return True
    kinds = [kind_of(cell) for cell in cells]
    columns = [[row[j].strip() for row in body if j < len(row)] for j in range(len(cells))]
    values = [kinds[j] in ("number", "date") for j in range(len(cells))]
    n_values = sum(values)
    n_names = sum(_is_above_values(cells[j], kinds[j], columns[j]) for j in range(len(cells)))
    if not n_names and not cells[0] and _are_row_names(columns[0]):
        are_names, is_sure = _are_names(cells[1:], kinds[1:], columns[1:])
        if are_names:
            return True if is_sure else None
    if n_values:
        texts = [j for j, kind in enumerate(kinds) if kind == "text"]
        numbers = [cell for cell, is_value in zip(cells, values, strict=True) if is_value]
        are_new = bool(texts) and not any(cells[j] in columns[j] for j in texts)
        if are_new and _are_years(numbers, columns, values):
            return True
        return None if n_names else False
    if n_names:
        return True
    names = [cell for cell, kind in zip(cells, kinds, strict=True) if kind == "text"]
    if len(set(names)) < len(names) and any(
        kind_of(cell) in ("number", "date") for column in columns for cell in column
    ):
        return True  # names that are not unique are reported later
    repeated = sum(cell in column for cell, column in zip(cells, columns, strict=True) if cell)
    if repeated or (len(names) and len(set(names)) < len(names) / 2):
        return False
    if not names:
        return False
    return True if "missing" not in kinds and any(map(_has_few_values, columns)) else None


def _are_row_names(column: Sequence[str]) -> bool:
    """Whether cells name rows: none is empty, and no two are the same."""
    return len(column) > 1 and all(column) and len(set(column)) == len(column)


def _are_names(
    cells: Sequence[str], kinds: Sequence[str], columns: Sequence[Sequence[str]]
) -> tuple[bool, bool]:
    """Whether cells beside an empty one may be names of columns, and whether that is sure."""
    if not cells or len(set(cells)) < len(cells):
        return False, False
    if set(kinds) == {"text"}:
        is_new = not any(cell in column for cell, column in zip(cells, columns, strict=True))
        return is_new, len(columns[0]) >= _ENOUGH
    if set(kinds) != {"number"} or any(before >= after for before, after in pairwise(map(_value, cells))):
        return False, False
    are_known = all(map(_is_year, cells)) or (len(cells) == 2 and cells[1] == "1") or _are_consecutive(cells)
    return True, len(cells) > 1 and are_known


def _value(cell: str) -> float:
    """A number as text; infinite if it has other marks than those of Python."""
    try:
        return float(cell)
    except ValueError:
        return float("inf")


def _are_years(numbers: Sequence[str], columns: Sequence[Sequence[str]], values: Sequence[bool]) -> bool:
    """Whether the numbers in a row of names are years or count up, and those below are not years."""
    if all(values) or not (all(map(_is_year, numbers)) or _are_consecutive(numbers)):
        return False
    below = [cell for column, is_value in zip(columns, values, strict=True) if is_value for cell in column]
    return not all(map(_is_year, below))


def _is_year(cell: str) -> bool:
    return len(cell) == 4 and cell.isdigit() and cell[:2] in ("19", "20")


def _is_above_values(cell: str, kind: str, column: Sequence[str]) -> bool:
    """Whether a text stands above cells that are nearly all numbers or dates."""
    if kind != "text":
        return False
    kinds = [kind_of(value) for value in column]
    known = [found for found in kinds if found != "missing"]
    return bool(known) and sum(found != "text" for found in known) >= 0.8 * len(known) and cell not in column


def _are_consecutive(cells: Sequence[str]) -> bool:
    """Whether the cells are whole numbers that count up by one."""
    if len(cells) < 3 or not all(cell.isascii() and cell.isdigit() and len(cell) < 9 for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    return all(after - before == 1 for before, after in pairwise(numbers))


def _has_few_values(column: Sequence[str]) -> bool:
    """Whether the values of a column repeat, so that another text above them is a name."""
    return len(column) >= _ENOUGH and len(set(column)) <= len(column) / 2


def _continues(cells: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the rows below look the same, so that the numbers are values."""
    return any(_are_consecutive([cell.strip() for cell in row]) for row in body[:5])
