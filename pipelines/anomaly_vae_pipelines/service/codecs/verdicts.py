"""Verdicts: the rows of a request as for scoring, each with a verdict and perhaps an id."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.records import VERDICT, VERDICT_ID, VERDICT_WORDS
from anomaly_vae_pipelines.service.codecs.bodies import CSV
from anomaly_vae_pipelines.service.codecs.json import parse_json
from anomaly_vae_pipelines.service.codecs.tables import rows_of_csv, rows_of_json
from anomaly_vae_pipelines.service.errors import RefusedRowsError, UnknownMediaError
from anomaly_vae_pipelines.service.models.inputs import SOURCE, ModelInputs, json_rows
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
        rows, said = rows_of_json(data, inputs, max_rows), _said_in_json(data, inputs)
    else:
        raise UnknownMediaError(
            f"the media type {media[:100]!r} is not for verdicts; wanted JSON or text/csv"
        )
    _check(said)
    return [
        Verdict(one.id, _verdict(one.word), {**row, **one.written})
        for one, row in zip(said, json_rows(rows), strict=True)
    ]


class _Said(NamedTuple):
    """What was said about a row, its id, and the cells of columns with a form, as they were written.

    Only those can be read again: a form such as "1234,5 EUR" does not fit the number that was read.
    """

    word: str
    id: str
    written: dict[str, Any]


def _formed(inputs: ModelInputs) -> list[str]:
    """The columns whose cells are read in a form."""
    return [name for name in inputs.reading.typed()[1] if name in inputs.names]


def _said_in_json(data: bytes, inputs: ModelInputs) -> list[_Said]:
    formed, rows = _formed(inputs), parse_json(data)["rows"]
    for position, row in enumerate(rows):
        if VERDICT not in row:
            raise InputError(f"rows[{position}]: has no {VERDICT!r}; {_WANTED}")
    return [
        _Said(_text(row[VERDICT]), _text(row.get(VERDICT_ID)), {name: row.get(name) for name in formed})
        for row in rows
    ]


def _said_in_csv(data: bytes, inputs: ModelInputs) -> list[_Said]:
    found: list[_Said] = []
    with DelimitedSource(io.BytesIO(data), reading=replace(inputs.reading, forms={})) as source:
        require_columns([VERDICT], source, f"; {_WANTED}", SOURCE)
        formed = [name for name in _formed(inputs) if name in source.columns]
        wanted = [name for name in (VERDICT, VERDICT_ID) if name in source.columns]
        for block in source.blocks():
            rows, _ = source.read(block, [*wanted, *formed], ())
            words = rows.cells(VERDICT)
            ids = rows.cells(VERDICT_ID) if VERDICT_ID in wanted else [""] * len(words)
            cells = [rows.cells(name) for name in formed]
            for position, (word, name) in enumerate(zip(words, ids, strict=True)):
                written = {key: column[position] or None for key, column in zip(formed, cells, strict=True)}
                found.append(_Said(word, name, written))
    return found


def _check(said: Sequence[_Said]) -> None:
    """Raise RefusedRowsError for words that are not verdicts, and for ids that are too long."""
    problems = []
    for position, (word, name, _) in enumerate(said):
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


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell)
