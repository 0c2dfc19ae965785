"""find_separator: the separator that divides the lines of a text into the same number of clean cells."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile

from anomaly_vae_pipelines.dialects.dialect import SEPARATORS
from anomaly_vae_pipelines.dialects.kinds import kind_of

MAX_LINES = 300
"""Lines that are compared."""

_CONSISTENT = 0.8
_MOSTLY_CLEAN = 0.7
_SPACES = re.compile(r"[ \t]+")
RULE = re.compile(r"[-+=| :]*[-=]{2,}[-+=| :]*")
"""A line that only divides names from rows."""


@dataclass(frozen=True)
class Split:
    """Lines of a text divided by a separator.

    Attributes
    ----------
    separator : str
    rows : list of list of str
        The cells of each line.
    width : int
        The most frequent number of cells.
    consistency : float
        Share of the lines with this number of cells, those at the top not counted.
    clean : float
        Share of the cells that do not look like several cells.
    numbers : float
        Share of the cells that are numbers, dates or missing.
    """

    separator: str
    rows: list[list[str]]
    width: int
    consistency: float
    clean: float
    numbers: float

    @property
    def rank(self) -> tuple[bool, float, int]:
        """Splits with a higher rank are better."""
        return (self.is_table, round(self.clean * self.consistency, 2), self.width)

    @property
    def is_table(self) -> bool:
        """Whether the lines have several cells, and nearly all the same number."""
        return self.width > 1 and self.consistency >= _CONSISTENT


def find_splits(lines: Sequence[str], quote: str = '"', escape: bool = False) -> list[Split]:
    """The splits by all separators, the best first."""
    lines = [line for line in lines[: 2 * MAX_LINES] if not RULE.fullmatch(line)]
    found = [split_lines(lines, separator, quote, escape) for separator in SEPARATORS]
    others = [split for split in found if split.separator != " "]
    if any(
        split.is_table and (split.clean >= _MOSTLY_CLEAN or not _joins_numbers(split)) for split in others
    ):
        found = others  # spaces are the separator only if nothing else is
    return sorted(found, key=lambda split: split.rank, reverse=True)


def _joins_numbers(split: Split) -> bool:
    """Whether a cell of a split is several numbers with spaces between them."""
    return any(
        kind_of(cell) == "text" and len(parts) > 1 and all(kind_of(part) == "number" for part in parts)
        for row in split.rows
        for cell in row
        for parts in [cell.split()]
    )


def split_lines(lines: Sequence[str], separator: str, quote: str = '"', escape: bool = False) -> Split:
    """The lines divided by one separator."""
    rows = [row for row in cells_of_lines(lines[:MAX_LINES], separator, quote, escape) if row]
    widths = Counter(len(row) for row in rows[len(rows) // 4 :] or rows)
    width = max(widths, key=lambda n: (widths[n], n), default=1)
    body = list(dropwhile(lambda row: len(row) != width, rows))
    widths = Counter(map(len, body)) if len(body) > 1 else widths
    consistency = widths[width] / max(1, sum(widths.values()))
    cells = [cell for row in rows if len(row) == width for cell in row]
    kinds = [kind_of(cell) for cell in cells]
    clean = sum(_is_clean(cell, kind, separator) for cell, kind in zip(cells, kinds, strict=True))
    numbers = sum(kind != "text" for kind in kinds) / max(1, len(cells))
    if separator == " " and (
        numbers < 0.3 or (width == 2 and numbers < 0.75) or _first_is_narrower(rows, width)
    ):
        consistency = 0.0  # rather words of a text
    return Split(separator, rows, width, consistency, clean / max(1, len(cells)), numbers)


def cells_of_lines(
    lines: Sequence[str], separator: str, quote: str = '"', escape: bool = False
) -> list[list[str]]:
    """The cells of lines; a line break inside quotes does not end a row."""
    if separator == " ":
        lines, separator = [_SPACES.sub(" ", line.strip()) for line in lines], " "
    try:
        return list(
            csv.reader(
                lines,
                delimiter=separator,
                quotechar=quote,
                escapechar="\\" if escape else None,
                skipinitialspace=True,
            )
        )
    except csv.Error:
        return [line.split(separator) for line in lines]


def _first_is_narrower(rows: Sequence[Sequence[str]], width: int) -> bool:
    """Whether the first row has one cell and the others have two: a name above texts or times."""
    return bool(rows) and len(rows[0]) == 1 and width == 2


def _is_clean(cell: str, kind: str, separator: str) -> bool:
    """Whether a cell does not look like several cells of another separator."""
    if kind == "number" or kind == "missing":
        return " " not in cell.strip() or separator != "\t" or "  " not in cell
    parts = cell.split()
    if len(parts) > 2 and all(kind_of(part) == "number" for part in parts):
        return False
    others = [other for other in ";\t|" if other != separator and other in cell]
    if others or "  " in cell.strip():
        return False
    return "," not in cell or separator == "," or kind == "date" or ", " in cell
