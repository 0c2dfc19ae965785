"""The decimal and thousands marks of a file, decided by all of its columns, or a question."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

import pyarrow as pa

from anomaly_vae_pipelines.dialects.missing import is_missing
from anomaly_vae_pipelines.dialects.numbers import affix_form, possible_marks, texts_of

Marks = tuple[str, str]
"""Decimal mark and thousands mark; empty where no number has one."""


def marks_of_rows(rows: Sequence[Sequence[str]], missing: Container[str]) -> Marks:
    """The marks of a sample of rows; (".", "") where they are not certain."""
    decided = certain_marks(rows, missing)
    return (decided[0] or ".", decided[1]) if decided is not None else (".", "")


def certain_marks(rows: Sequence[Sequence[str]], missing: Container[str]) -> Marks | None:
    """The marks of a sample of rows, empty where no number has one; None if they are not certain."""
    columns = zip(*[row for row in rows if len(row) == len(rows[0])], strict=True) if rows else []
    return decide([marks_of_column(texts_of(_present(column, missing))) for column in columns])


def marks_of_column(texts: pa.ChunkedArray) -> list[Marks]:
    """The marks that fit all numbers of a column; empty if it does not hold numbers."""
    form = affix_form(texts) if len(texts) else None
    return possible_marks(texts, form) if form is not None else []


def decide(columns: Sequence[list[Marks]]) -> Marks | None:
    """The marks that the columns of a file have together; None if they are not certain, or differ.

    ``columns`` has the possible marks of each column.
    """
    certain = [marks[0] for marks in columns if len(marks) == 1 and marks[0] != ("", "")]
    decimals = {decimal for decimal, _ in certain if decimal}
    thousands = {mark for _, mark in certain if mark}
    decimals |= {"." if mark == "," else "," for mark in thousands if mark in ".,"}
    is_open = not decimals and any(len(marks) > 1 for marks in columns)
    if len(decimals) > 1 or len(thousands) > 1 or is_open:
        return None
    return next(iter(decimals), ""), next(iter(thousands), "")


def _present(column: Iterable[str], missing: Container[str]) -> list[str]:
    return [cell.strip() for cell in column if not is_missing(cell.strip()) and cell.strip() not in missing]
