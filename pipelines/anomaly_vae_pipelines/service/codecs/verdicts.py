"""Verdicts: the rows of a request as for scoring, each with a verdict and perhaps an id."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from typing import Any

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.arrow_text import json_values
from anomaly_vae_pipelines.records import VERDICT, VERDICT_ID, VERDICT_WORDS, NumberRows, Rows
from anomaly_vae_pipelines.service.codecs.bodies import CSV
from anomaly_vae_pipelines.service.codecs.json import parse_json
from anomaly_vae_pipelines.service.codecs.tables import rows_of_csv, rows_of_json
from anomaly_vae_pipelines.service.errors import RefusedRowsError, UnknownMediaError
from anomaly_vae_pipelines.service.models.inputs import SOURCE, ModelInputs
from anomaly_vae_pipelines.service.models.verdicts import Verdict
from anomaly_vae_pipelines.sources.delimited import DelimitedSource
from anomaly_vae_pipelines.sources.selection import require_columns

MOST_ID = 256
"""Characters of an id."""

_KINDS = {1: "normal", -1: "anomalous"}
_WANTED = "wanted normal or anomalous (or 1 or -1), or nothing to withdraw a verdict"


def verdicts_of_body(data: bytes, media: str, inputs: ModelInputs, max_rows: int) -> list[Verdict]:
    """The verdicts of a body, JSON or CSV; its rows are read as those to score.

    Raises
    ------
    UnknownMediaError
        For another media type; InputError for a model of images, a model with a column named ``verdict`` or
        ``verdict_id``, and a body without verdicts; RefusedRowsError for cells that cannot be read.
    """
    if inputs.frame is not None:
        raise InputError("models of images do not learn from verdicts; send verdicts about rows of a table")
    for name in (VERDICT, VERDICT_ID):
        if name in inputs.names:
            raise InputError(f"the model has a column named {name!r}, so its rows cannot have verdicts here")
    if media in CSV:
        rows, said = rows_of_csv(data, inputs, max_rows), _said_in_csv(data, inputs)
    elif media == "application/json" or media.endswith("+json"):
        rows, said = rows_of_json(data, inputs, max_rows), _said_in_json(data)
    else:
        raise UnknownMediaError(
            f"the media type {media[:100]!r} is not for verdicts; wanted JSON or text/csv"
        )
    _check(said)
    return [
        Verdict(name, _verdict(word), row) for (word, name), row in zip(said, _json_rows(rows), strict=True)
    ]


def _said_in_json(data: bytes) -> list[tuple[str, str]]:
    """Word and id of each row; both may be empty, but the verdict must be given."""
    rows = parse_json(data)["rows"]
    for position, row in enumerate(rows):
        if VERDICT not in row:
            raise InputError(f"rows[{position}]: has no {VERDICT!r}; {_WANTED}")
    return [(_text(row[VERDICT]), _text(row.get(VERDICT_ID))) for row in rows]


def _said_in_csv(data: bytes, inputs: ModelInputs) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    with DelimitedSource(io.BytesIO(data), reading=inputs.reading) as source:
        require_columns([VERDICT], source, f"; {_WANTED}", SOURCE)
        wanted = [name for name in (VERDICT, VERDICT_ID) if name in source.columns]
        for block in source.blocks():
            rows, _ = source.read(block, wanted, ())
            words = rows.cells(VERDICT)
            ids = rows.cells(VERDICT_ID) if VERDICT_ID in wanted else [""] * len(words)
            found += zip(words, ids, strict=True)
    return found


def _check(said: Sequence[tuple[str, str]]) -> None:
    """Raise RefusedRowsError for words that are not verdicts, and for ids that are too long."""
    problems = []
    for position, (word, name) in enumerate(said):
        if word.strip() and word.strip().lower() not in VERDICT_WORDS:
            problems.append((position, f"{VERDICT}: {_WANTED}, got {word!r:.50}"))
        elif len(name) > MOST_ID:
            problems.append(
                (position, f"{VERDICT_ID}: has {len(name):,} characters; wanted at most {MOST_ID}")
            )
    if problems:
        raise RefusedRowsError(len(said), problems)


def _verdict(word: str) -> str:
    kind = VERDICT_WORDS.get(word.strip().lower())
    return "" if kind is None else _KINDS[kind]


def _json_rows(rows: Rows) -> list[dict[str, Any]]:
    """The rows as JSON values, as ``anomaly-vae learn`` reads them from JSON Lines."""
    if isinstance(rows, NumberRows):
        columns = [[_number(value) for value in column] for column in rows.values.T.tolist()]
        names: Sequence[str] = rows.columns
    else:
        names, columns = rows.table.column_names, [json_values(column) for column in rows.table.columns]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell)
