"""ExcelSource: one sheet of an Excel or OpenDocument file, read as a whole within limits."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from anomaly_vae.errors import InputError, MissingExtraError
from anomaly_vae_pipelines.dialects.dialect import NOTHING
from anomaly_vae_pipelines.dialects.headers import has_header
from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.errors import AmbiguousError, SourceError, UnknownNameError
from anomaly_vae_pipelines.sources.parquet import BLOCK_ROWS
from anomaly_vae_pipelines.sources.typed import TableSource

MAX_BYTES = 1 << 30
"""Bytes of an unpacked file."""

MAX_CELLS = 20_000_000
"""Cells of a sheet."""

_TITLES = 30
Row = list[Any]


class ExcelSource(TableSource):
    """A sheet of an .xlsx, .xls or .ods file. Use it as a context manager.

    The sheet is the one that the user named, or the only one with cells.

    Raises
    ------
    SourceError
        If the file cannot be read or is too large; AmbiguousError if it has several sheets, MissingExtraError
        without python-calamine.
    """

    def __init__(self, path: str, *, block_rows: int = BLOCK_ROWS, reading: Reading | None = None) -> None:
        given = reading.given if reading is not None else NOTHING
        rows = _without_titles(_rows(path, given.sheet))
        if not rows:
            raise SourceError(path, None, "has an empty sheet; wanted names and rows below them")
        names, body = _named(path, rows, given.header)
        columns = [_column([row[j] for row in body]) for j in range(len(names))]
        super().__init__(path, pa.table(columns, names=names), reading, block_rows)


def _rows(path: str, wanted: str | None) -> list[Row]:
    """The rows of a sheet, all of one length."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError as error:
        raise MissingExtraError(
            "Excel files need python-calamine; pip install 'anomaly-vae[excel]'"
        ) from error
    if not Path(path).is_file():
        raise SourceError(path, None, "cannot be opened as an Excel file; wanted a file on this machine")
    _check_size(path)
    try:
        with CalamineWorkbook.from_path(path) as book:
            sheets = {name: book.get_sheet_by_name(name) for name in book.sheet_names}
            sheet = sheets[_chosen(path, wanted, {name: one.height for name, one in sheets.items()})]
            if sheet.height * sheet.width > MAX_CELLS:
                problem = f"has more than {MAX_CELLS:,} cells; save it as CSV"
                raise SourceError(path, None, problem)
            rows: list[Row] = sheet.to_python()
    except (CalamineError, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise SourceError(path, None, f"cannot be read as an Excel file ({str(error)[:100]})") from error
    return rows


def _check_size(path: str) -> None:
    size = Path(path).stat().st_size
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    if size > MAX_BYTES:
        raise SourceError(path, None, f"unpacks to more than {MAX_BYTES:,} bytes; save the sheet as CSV")


def _chosen(path: str, wanted: str | None, heights: dict[str, int]) -> str:
    """The name of the sheet that the user named or numbered, or of the only one with cells."""
    names = list(heights)
    if wanted is not None:
        if wanted in names:
            return wanted
        if wanted.isdigit() and 1 <= int(wanted) <= len(names):
            return names[int(wanted) - 1]
        shown = ", ".join(map(repr, names))
        raise UnknownNameError(f"{path}: has no sheet {wanted!r} (its sheets: {shown})", wanted, names)
    filled = [name for name in names if heights[name]]
    if len(filled) > 1:
        shown = " or ".join(f"--sheet {name!r}" for name in filled[:5])
        raise AmbiguousError(path, None, f"has {len(filled)} sheets with cells; add {shown}")
    return (filled or names)[0]


def _without_titles(rows: Sequence[Row]) -> list[Row]:
    """The rows without empty ones, and without those above the table, in which most cells are empty."""
    filled = [row for row in rows if any(cell != "" for cell in row)]
    counts = [sum(cell != "" for cell in row) for row in filled]
    most = max(counts[: 2 * _TITLES], default=0)
    first = next((i for i, count in enumerate(counts[:_TITLES]) if count >= most / 2), 0)
    return filled[first:]


def _named(path: str, rows: Sequence[Row], header: bool | None) -> tuple[list[str], Sequence[Row]]:
    """The names of the columns, and the rows below them."""
    first = [_text(cell) or "" for cell in rows[0]]
    found = header
    if found is None:
        found = has_header(first, [[_text(cell) or "" for cell in row] for row in rows[1:201]])
    if found is None:
        shown = ", ".join(first[:4])
        raise AmbiguousError(
            path, None, f"its first row ({shown}) may have names or values; add --header or --no-header"
        )  # fmt: skip
    if not found:
        return [f"column_{j + 1}" for j in range(len(first))], rows
    return [name or f"column_{j + 1}" for j, name in enumerate(first)], rows[1:]


def _column(cells: Sequence[Any]) -> pa.Array:
    """Cells as numbers, booleans or times if all are; otherwise as text."""
    present = [cell for cell in cells if cell != ""]
    kinds = set(map(type, present))
    values = [None if cell == "" else cell for cell in cells]
    if kinds <= {int, float}:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds <= {datetime.date, datetime.datetime}:
        return pa.array([_moment(value) for value in values], pa.timestamp("us"))
    if kinds <= {datetime.time, datetime.timedelta}:
        return pa.array([_seconds(value) for value in values], pa.float64())
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _moment(value: datetime.date | None) -> datetime.datetime | None:
    if value is None or isinstance(value, datetime.datetime):
        return value
    return datetime.datetime.combine(value, datetime.time())


def _seconds(value: datetime.time | datetime.timedelta | None) -> float | None:
    if isinstance(value, datetime.time):
        return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
    return None if value is None else value.total_seconds()


def _text(cell: Any) -> str:
    """A cell as text that reads back as the same value."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell.isoformat() if isinstance(cell, datetime.date | datetime.time) else str(cell)
