"""Scoring with plain JSON, CSV, Arrow and images (``/v1``), for people and scripts."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.records import Rows, ScoredRows
from anomaly_vae_pipelines.service.codecs.answers import FORMATS, JSON, answer
from anomaly_vae_pipelines.service.codecs.bodies import (
    MULTIPART,
    media_type,
    read_body,
    read_files,
    rows_of_body,
)
from anomaly_vae_pipelines.service.codecs.images import rows_of_files
from anomaly_vae_pipelines.service.codecs.schemas import (
    ColumnInfo,
    ExampleRows,
    ImageInfo,
    ModelDetail,
    ModelInfo,
    ModelList,
    ScoreAnswer,
)
from anomaly_vae_pipelines.service.http.middleware.exchange import exchange_of
from anomaly_vae_pipelines.service.models.batching import Batcher
from anomaly_vae_pipelines.service.models.registry import Registry, ServedModel
from anomaly_vae_pipelines.service.routes.operations import Operation
from anomaly_vae_pipelines.service.settings import Settings

MANY = 1000
"""Rows of an answer that is not written on the event loop."""

_TRUTH = {"true": True, "1": True, "false": False, "0": False, "": True}


def scoring_operations(models: Registry, settings: Settings) -> list[Operation]:
    """The operations of ``/v1``."""

    async def list_models(request: Request) -> ModelList:
        return ModelList([ModelInfo(**_info(served, settings)) for served in models.all()])

    async def show_model(request: Request) -> ModelDetail:
        served, _ = models.get(request.path_params["name"], request.query_params.get("version"))
        rows, _ = await models.parse_queue.run(request, lambda: served.example)
        return ModelDetail(**_info(served, settings), example=ExampleRows(rows))

    async def score(request: Request) -> Response:
        query = request.query_params
        served, batcher = models.get(query.get("model"), query.get("version"))
        explain, media = _truth(query.get("explain", "false")), _accepted(request)
        rows, waited = await _rows(request, served, batcher, models, settings)
        scored = await batcher.submit(rows, explain=explain, waited=waited)
        log_scored(request, served, scored)

        def written() -> bytes:
            return answer(served, scored, explain=explain, media=media)

        is_large = len(scored) > MANY or (explain and served.inputs.frame is not None)
        body = await asyncio.to_thread(written) if is_large else written()
        return Response(body, media_type=media)

    one, query = "/v1/models/{name}", ("model", "version", "explain")
    return [
        Operation("GET", "/v1/models", list_models, "Served models"),
        Operation("GET", one, show_model, "One model, with rows to try it with", ("version",)),
        Operation("POST", "/v1/score", score, "Score rows or images", query, ScoreAnswer),
    ]


async def _rows(
    request: Request, served: ServedModel, batcher: Batcher, models: Registry, settings: Settings
) -> tuple[Rows, float]:
    """The rows of a request, and the seconds that they waited to be read: large ones are, on a thread."""
    media = media_type(request)
    inputs, max_rows = served.inputs, settings.max_rows
    if media == MULTIPART:
        files = await read_files(request, settings)
        return await models.parse_queue.run(
            request, lambda: rows_of_files(files, inputs, max_rows), batcher.capacity
        )
    body = await read_body(request)

    def read() -> Rows:
        return rows_of_body(body.unpacked(settings.max_body_bytes), media, inputs, max_rows)

    if body.is_small and inputs.frame is None:
        return read(), 0.0
    return await models.parse_queue.run(request, read, batcher.capacity)


def _info(served: ServedModel, settings: Settings) -> dict[str, Any]:
    """The fields of ModelInfo."""
    frame = served.inputs.frame
    return {
        "name": served.name,
        "version": served.version,
        "id": served.model_id,
        "kind": served.kind,
        "columns": [ColumnInfo(name, kind) for name, kind in served.inputs.kinds.items()],
        "image": None
        if frame is None
        else ImageInfo(*(frame.size or (0, 0)), 3 if frame.channels == 3 else 1),
        "threshold": served.offset,
        "false_alarm_rate": served.false_alarm_rate,
        "takes_verdicts": settings.verdicts_folder is not None and served.takes_verdicts,
        "loaded_at": served.loaded_at.isoformat(timespec="seconds"),
    }


def log_scored(request: Request, served: ServedModel, scored: ScoredRows) -> None:
    """Add what was scored to the line of the access log."""
    exchange_of(request.scope).log_fields |= {
        "model": served.name,
        "version": served.version,
        "rows": len(scored),
        "anomalies": int(np.count_nonzero(scored.is_anomaly)),
    }


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise InputError(f"explain: wanted true or false, got {text[:40]!r}")
    return _TRUTH[text.lower()]


def _accepted(request: Request) -> str:
    """The media type of the answer: the first one of those that are written that the client names."""
    wanted = request.headers.get("accept", "*/*").lower()
    if wanted == "*/*":
        return JSON
    named = (part.partition(";")[0].strip() for part in wanted.split(","))
    return next((media for media in named if media in FORMATS), JSON)
