"""The plain door: ``/v1``, for people and their scripts."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse
from starlette.types import Scope

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
from anomaly_vae_pipelines.service.http.middleware import NOTES
from anomaly_vae_pipelines.service.models.batching import Batcher
from anomaly_vae_pipelines.service.models.registry import Registry, ServedModel
from anomaly_vae_pipelines.service.routes.openapi import QUERY
from anomaly_vae_pipelines.service.routes.schemas import ModelDetail, ModelList, ScoreAnswer, answers
from anomaly_vae_pipelines.service.settings import Settings

MANY = 1000
"""Rows of an answer that is not written on the event loop."""

_TRUTH = {"true": True, "1": True, "false": False, "0": False, "": True}


def plain_routes(models: Registry, settings: Settings) -> APIRouter:
    """The routes of ``/v1``."""
    router = APIRouter(prefix="/v1", tags=["v1"])

    @router.get("/models", summary="Models that are served", responses=answers(ModelList))
    async def list_models() -> Response:
        return JSONResponse({"models": [describe(served) for served in models.all()]})

    @router.get(
        "/models/{name}", summary="One model, with rows to try it with", responses=answers(ModelDetail, 404)
    )
    async def show_model(request: Request, name: str, version: str | None = None) -> Response:
        served, _ = models.get(name, version)
        example, _ = await models.turns.take(request, lambda: served.example)
        return JSONResponse(describe(served) | {"example": {"rows": example}})

    @router.post(
        "/score",
        summary="Score rows, or images",
        responses=answers(ScoreAnswer, 400, 404, 408, 413, 415, 503),
        openapi_extra={"parameters": QUERY},
    )
    async def score(request: Request) -> Response:
        query = request.query_params
        served, batcher = models.get(query.get("model"), query.get("version"))
        explain, media = _truth(query.get("explain", "false")), _accepted(request)
        rows, waited = await _rows(request, served, batcher, models, settings)
        scored = await batcher.submit(rows, explain=explain, waited=waited)
        note(request.scope, served, scored)

        def written() -> bytes:
            return answer(served, scored, explain=explain, media=media)

        is_large = len(scored) > MANY or (explain and served.form.frame is not None)
        body = await asyncio.to_thread(written) if is_large else written()
        return Response(body, media_type=media)

    return router


async def _rows(
    request: Request, served: ServedModel, batcher: Batcher, models: Registry, settings: Settings
) -> tuple[Rows, float]:
    """The rows of a request, and the seconds that they waited to be read: large ones are, on a thread."""
    media = media_type(request)
    form, max_rows = served.form, settings.max_rows
    if media == MULTIPART:
        files = await read_files(request, settings)
        return await models.turns.take(request, lambda: rows_of_files(files, form, max_rows), batcher.room)
    body = await read_body(request)

    def read() -> Rows:
        return rows_of_body(body.unpacked(settings.max_body_bytes), media, form, max_rows)

    if body.is_small and form.frame is None:
        return read(), 0.0
    return await models.turns.take(request, read, batcher.room)


def describe(served: ServedModel) -> dict[str, Any]:
    """What a person may want to know of a model, for JSON."""
    detector, origin = served.detector, served.origin
    image = None
    if served.form.frame is not None:
        height, width = served.form.frame.size or (0, 0)
        image = {"height": height, "width": width, "channels": served.form.frame.channels}
    return {
        "name": served.name,
        "version": served.version,
        "id": origin.model_id,
        "kind": type(detector).__name__,
        "columns": [{"name": name, "kind": kind} for name, kind in served.form.kinds.items()],
        "image": image,
        "threshold": served.offset,
        "false_alarm_rate": detector.false_alarm_rate_,
        "loaded_at": origin.loaded_at.isoformat(timespec="seconds"),
    }


def note(scope: Scope, served: ServedModel, scored: ScoredRows) -> None:
    """Leave for the log what was scored."""
    scope[NOTES] |= {
        "model": served.name,
        "version": served.version,
        "rows": len(scored),
        "anomalies": int(scored.is_anomaly.sum()),
    }


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise InputError(f"explain: wanted true or false, got {text[:40]!r}")
    return _TRUTH[text.lower()]


def _accepted(request: Request) -> str:
    """The media type of the answer: the first one of those that are written that the client names."""
    wanted = request.headers.get("accept", "*/*").lower()
    for part in wanted.split(","):
        media = part.partition(";")[0].strip()
        if media in FORMATS:
            return media
    return JSON
