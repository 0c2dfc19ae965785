"""Verdicts: the rows of a scored file or of alerts that a person judges, and the file of the verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.records import Alert, AlertRow
from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.records import Rows
from anomaly_vae_pipelines.runs.table_writing import write_table
from anomaly_vae_pipelines.sources import open_source, read_rows
from anomaly_vae_pipelines.sources.selection import require_columns

_SCORED = ("score", "is_anomaly", "top_columns")
_RESULTS = (*_SCORED, "p_value", "severity")
_ALERT_COLUMNS = {"rule", "rows", "worst"}
_TRUE = ("true", "1")


@dataclass(frozen=True)
class Question:
    """A row to judge.

    Attributes
    ----------
    name : str
        Its file and line.
    score : float
        In nats.
    reasons : str
        The columns that explain it, as in ``top_columns``.
    cells : mapping of str to str
        All its cells in its file, without those that ``score`` added.
    """

    name: str
    score: float
    reasons: str
    cells: Mapping[str, str]


def questions(path: str, *, only_flagged: bool = True) -> list[Question]:
    """The rows of a file of ``score``, or those of alerts in JSON Lines, the lowest score first.

    Alerts name rows of other files, which are read too. Of a scored file only flagged rows are taken, unless
    ``only_flagged`` is false.

    Raises
    ------
    InputError
        If the file is neither, or if a file that an alert names cannot be read.
    """
    with open_source(path, reading=Reading()) as source:
        columns = set(source.columns)
    found = _of_alerts(path) if columns >= _ALERT_COLUMNS else _of_scored(path, only_flagged)
    asked = sorted(found, key=lambda question: question.score)
    if not asked:
        raise InputError(f"{path}: has no flagged rows to judge; --all asks about the others too")
    return asked


def write_verdicts(path: str, judged: Sequence[tuple[Question, str]], column: str) -> None:
    """Write judged rows with their verdicts as CSV, completely or not at all; an older file is replaced."""
    rows = [{**question.cells, column: verdict} for question, verdict in judged]
    names = [*dict.fromkeys(name for row in rows for name in row), column]
    table = pd.DataFrame(rows, columns=list(dict.fromkeys(names)), dtype=object)
    write_table(table, path, force=True)


def _of_scored(path: str, only_flagged: bool) -> Iterator[Question]:
    with open_source(path, reading=Reading()) as source:
        require_columns(_SCORED, source, "; give a file that anomaly-vae score wrote, or alerts")
        for rows in read_rows(source, numeric=_SCORED[:1]):  # the score may have a decimal comma
            for position, cells in _rows(rows):
                if not only_flagged or cells["is_anomaly"].lower() in _TRUE:
                    own = {name: cell for name, cell in cells.items() if name not in _RESULTS}
                    name = f"{rows.source}, {rows.name_of(position)}"
                    yield Question(name, float(cells["score"]), cells["top_columns"], own)


def _of_alerts(path: str) -> Iterator[Question]:
    named: dict[str, dict[int, AlertRow]] = {}
    with open(path, encoding="utf-8") as lines:
        for line in filter(str.strip, lines):
            for row in Alert.from_json(line).rows:
                named.setdefault(row.source, {})[row.number] = row
    for source, wanted in named.items():
        yield from _looked_up(source, wanted)


def _looked_up(path: str, wanted: Mapping[int, AlertRow]) -> Iterator[Question]:
    """The rows of a file with these numbers."""
    left = dict(wanted)
    with open_source(path, reading=Reading()) as source:
        for rows in read_rows(source):
            for position, cells in _rows(rows, left):
                row = left.pop(int(rows.numbers[position]))
                score = float("-inf") if row.score is None else row.score
                yield Question(f"{path}, {row.name}", score, _text(row), cells)
    if left:
        raise InputError(f"{path}: has no line {min(left)}, which an alert names; give the file as it was")


def _text(row: AlertRow) -> str:
    """The reasons of a row, as in ``top_columns``."""
    return ";".join(map(str, row.reasons))


def _rows(rows: Rows, wanted: Mapping[int, object] | None = None) -> Iterator[tuple[int, dict[str, str]]]:
    """Positions and cells of rows, of all or of those with wanted numbers."""
    columns = {name: rows.cells(name) for name in rows.table.column_names}
    for position, number in enumerate(rows.numbers.tolist()):
        if wanted is None or number in wanted:
            yield position, {name: cells[position] for name, cells in columns.items()}
