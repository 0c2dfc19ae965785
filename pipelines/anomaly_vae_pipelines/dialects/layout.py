"""find_layout: where the header of a text is and where its rows begin, below titles, comments and units."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import NamedTuple

from anomaly_vae_pipelines.dialects.dialect import Dialect, is_comment
from anomaly_vae_pipelines.dialects.headers import has_header
from anomaly_vae_pipelines.dialects.kinds import kind_of
from anomaly_vae_pipelines.dialects.separators import RULE
from anomaly_vae_pipelines.errors import AmbiguousError, SourceError

MAX_TITLES = 30
"""Lines above a header that may be titles or comments."""

_SPACES = re.compile(r"[ \t]+")
_UNIT = re.compile(r"[\[(]?[^\d\s]?.{0,11}[\])]?")


class Row(NamedTuple):
    """The cells of a record, and the number of lines before it."""

    cells: list[str]
    line: int


class Layout(NamedTuple):
    """The names of the columns, and the number of lines before the header and before the first row.

    ``header_line`` is None without a header. ``has_units`` is whether a line below it has units or names.
    """

    names: tuple[str, ...]
    header_line: int | None
    n_lines: int
    rows: list[Row]
    has_units: bool = False


def rows_of(lines: Sequence[str], dialect: Dialect, n_skipped: int = 0) -> list[Row]:
    """The rows of the lines that are neither empty nor comments nor rules."""
    wanted = [_plain_line(line, dialect) if i >= n_skipped else "" for i, line in enumerate(lines)]
    reader = csv.reader(
        (line + "\n" for line in wanted), delimiter=dialect.separator, quotechar=dialect.quote,
        escapechar="\\" if dialect.escape else None, skipinitialspace=True,
    )  # fmt: skip
    rows, before = [], 0
    try:
        for cells in reader:
            if cells:
                rows.append(Row([cell.strip() for cell in cells], before))
            before = reader.line_num
    except csv.Error:
        pass  # an open quote at the end of the sample
    return rows


def find_layout(
    lines: Sequence[str],
    dialect: Dialect,
    width: int,
    name: str,
    *,
    header: bool | None = None,
    n_skipped: int = 0,
    expected: Sequence[str] = (),
) -> Layout:
    """The layout of lines in a dialect.

    Parameters
    ----------
    lines : sequence of str
    dialect : Dialect
        Its header is not used.
    width : int
        Number of cells of the rows.
    name : str
        The name of the file, for messages.
    header : bool, optional
        Whether there is a header; found by default.
    n_skipped : int
        Number of lines at the top that are not part of the table.
    expected : sequence of str
        Names that a header has, if they are known.

    Raises
    ------
    AmbiguousError
        If the first row may be names or values.
    """
    rows = rows_of(lines, dialect, n_skipped)
    first = _first_row(rows, width, lines, dialect)
    rows = rows[first:]
    if not rows:
        return Layout((), None, len(lines), [])
    named = _named_by_comment(lines, rows[0].line, dialect, width)
    body = [row.cells for row in rows[1:201]]
    if named is not None and header is not False and has_header(rows[0].cells, body) is not True:
        return Layout(_filled(named, width), None, rows[0].line, rows)
    if header is None and _are_quoted_names(rows, lines, dialect):
        header = True
    has = _decided(header, rows, body, name, expected)
    if not has:
        return Layout(tuple(f"column_{j + 1}" for j in range(width)), None, rows[0].line, rows)
    _refuse_repeated(rows, name)
    start = 1 + _is_units(rows)
    n_lines = rows[start].line if len(rows) > start else len(lines)
    return Layout(_names(rows[0].cells, rows[start:], width), rows[0].line, n_lines, rows[start:], start > 1)


def _refuse_repeated(rows: Sequence[Row], name: str) -> None:
    """Raise SourceError if the names of columns of numbers are repeated below them."""
    names = rows[0].cells
    for row in rows[1:]:
        if row.cells == names and _are_names_of_numbers(names, [row.cells for row in rows[1:201]]):
            raise SourceError(
                name, row.line + 1, "repeats the names of the columns, as of files that were joined; delete "
                "such lines"
            )  # fmt: skip


def _are_names_of_numbers(names: Sequence[str], body: Sequence[list[str]]) -> bool:
    """Whether the rows that differ from the names have columns of numbers or dates below texts."""
    others = [cells for cells in body if list(cells) != list(names) and len(cells) == len(names)]
    return any(
        kind_of(text) == "text" and bool(others) and all(kind_of(cells[j]) != "text" for cells in others)
        for j, text in enumerate(names)
    )


def _decided(
    header: bool | None, rows: Sequence[Row], body: Sequence[list[str]], name: str, expected: Sequence[str]
) -> bool:
    if header is not None:
        return header
    first = rows[0].cells
    if expected and set(expected) & set(first):
        return True
    if list(first) in body and _are_names_of_numbers(first, body):
        return True  # repeated
    found = has_header(first, body) if body else True
    if found is None and len(body) > 2:  # the row below names may have units
        found = has_header(first, body[1:]) or None
    if found is None and expected:
        return True  # a missing column is then reported by its name
    if found is None:
        shown = ", ".join(first[:4])
        raise AmbiguousError(
            name, rows[0].line + 1, f"({shown}) may be the names of the columns or values; add --header or "
            "--no-header"
        )  # fmt: skip
    return found


def _are_quoted_names(rows: Sequence[Row], lines: Sequence[str], dialect: Dialect) -> bool:
    """Whether the cells of the first row are quoted without need, and some below are not."""
    quote, separator = re.escape(dialect.quote), re.escape(dialect.separator)
    quoted = re.compile(f" *{quote}(?:[^{quote}]|{quote}{quote})*{quote} *(?:{separator}|$)")
    unquoted = [quoted.sub("", lines[row.line]).strip(dialect.separator + " ") for row in rows[:21]]
    plain = any(cell and not {dialect.separator, dialect.quote} & set(cell) for cell in rows[0].cells)
    return plain and not unquoted[0] and dialect.quote in lines[rows[0].line] and any(unquoted)


def _plain_line(line: str, dialect: Dialect) -> str:
    """A line without the spaces of its dialect; empty for a comment or a rule."""
    if is_comment(line, dialect.comment) or RULE.fullmatch(line):
        return ""
    return _SPACES.sub(" ", line.strip()) if dialect.separator == " " else line


def _first_row(rows: Sequence[Row], width: int, lines: Sequence[str], dialect: Dialect) -> int:
    """The position of the first row of the table: titles above it have fewer cells, or mostly empty ones."""
    for position, row in enumerate(rows[:MAX_TITLES]):
        if (
            abs(len(row.cells) - width) <= 1
            and len(row.cells) >= min(2, width)
            and (len(row.cells) == width or not _is_above_names(rows, position, width))
            and not _is_title(rows, position)
        ):
            return position
    return 0


def _is_above_names(rows: Sequence[Row], position: int, width: int) -> bool:
    """Whether the rows just below a narrower or wider row are others like it, or names with values below."""
    below = rows[position + 1 : position + 3]
    if len(below) < 2:
        return False
    kinds = [[kind_of(cell) for cell in row.cells] for row in below]
    are_names = (
        len(kinds[0]) == width and set(kinds[0]) == {"text"} and bool({"number", "date"} & set(kinds[1]))
    )
    return len(kinds[0]) != width or are_names


def _is_title(rows: Sequence[Row], position: int) -> bool:
    """Whether most cells of a row are empty and a row soon below it is full of texts."""
    cells = rows[position].cells
    if len(cells) < 3 or sum(map(bool, cells)) > len(cells) / 3:
        return False
    return any(
        len(row.cells) == len(cells) and all(kind_of(cell) == "text" for cell in row.cells if cell)
        and sum(map(bool, row.cells)) > len(cells) / 2
        for row in rows[position + 1 : position + 6]
    )  # fmt: skip


def _named_by_comment(lines: Sequence[str], line: int, dialect: Dialect, width: int) -> list[str] | None:
    """The names in a comment just above the first row, as numpy and sensors write them."""
    above = [text for text in lines[:line] if text.strip()]
    if not above or above[-1][0] not in "#%":
        return None
    rows = rows_of([above[-1].lstrip("#% ")], dialect)
    cells = rows[0].cells if rows else []
    return cells if len(cells) == width and all(kind_of(cell) == "text" for cell in cells) else None


def _is_units(rows: Sequence[Row]) -> bool:
    """Whether the row below the names has the units of columns of numbers, or other names of them."""
    if len(rows) < 3:
        return False
    units, body = rows[1].cells, rows[2:102]
    columns = [[kind_of(row.cells[j]) for row in body if j < len(row.cells)] for j in range(len(units))]
    numeric = [j for j, kinds in enumerate(columns) if kinds and kinds.count("text") <= 0.1 * len(kinds)]
    named = [j for j in numeric if kind_of(units[j]) == "text" and _UNIT.fullmatch(units[j])]
    texts = [cell for cell in units if cell]
    if len(numeric) > 1 and all(kind_of(cell) == "text" for cell in texts) and len(set(texts)) == len(units):
        return True
    return bool(named) and all(j in named or not units[j] or units[j] in "-–" for j in numeric) and all(
        len(units[j]) <= 12 for j in range(len(units))
    )  # fmt: skip


def _names(cells: Sequence[str], rows: Sequence[Row], width: int) -> tuple[str, ...]:
    """Names of the columns; a missing one is that of row names in front, or of an empty last column."""
    names = list(cells)
    if len(names) == width - 1:
        last = [row.cells[-1] for row in rows if len(row.cells) == width]
        names = [*names, ""] if not any(last) else ["", *names]
    return _filled(names, len(names))


def _filled(names: Sequence[str], width: int) -> tuple[str, ...]:
    """The names, with ``column_N`` for empty ones if there are several."""
    if list(names).count("") < 2 and (not names or names[-1]):
        return tuple(names)
    return tuple(name or f"column_{j + 1}" for j, name in enumerate(names))
