"""Verdicts about rows (``/v1/verdicts``): stored for ``anomaly-vae learn``, never applied by the service."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from starlette.requests import Request

from anomaly_vae_pipelines.service.codecs.bodies import media_type, read_body
from anomaly_vae_pipelines.service.codecs.schemas import StoredVerdicts
from anomaly_vae_pipelines.service.codecs.verdicts import verdicts_of_body
from anomaly_vae_pipelines.service.http.middleware.exchange import exchange_of
from anomaly_vae_pipelines.service.models.registry import Registry
from anomaly_vae_pipelines.service.models.verdicts import Verdict, VerdictLog
from anomaly_vae_pipelines.service.routes.operations import Operation
from anomaly_vae_pipelines.service.settings import Settings


def verdict_operations(models: Registry, log: VerdictLog | None, settings: Settings) -> list[Operation]:
    """The operation of ``/v1/verdicts``; none without a log."""
    if log is None:
        return []

    async def verdicts(request: Request) -> StoredVerdicts:
        query = request.query_params
        served, batcher = models.get(query.get("model"), query.get("version"))
        media, body = media_type(request), await read_body(request)

        def read() -> list[Verdict]:
            data = body.unpacked(settings.max_body_bytes)
            return verdicts_of_body(data, media, served.inputs, settings.max_rows)

        found, _ = await models.parse_queue.run(request, read, batcher.capacity)
        about = {
            "verdict_time": datetime.now(UTC).isoformat(timespec="seconds"),
            "verdict_model": f"{served.name}/{served.version} {served.model_id}".strip(),
        }
        stored, known = await asyncio.to_thread(log.append, served.name, found, about)
        exchange_of(request.scope).log_fields |= {"model": served.name, "verdicts": stored}
        return StoredVerdicts(stored, known)

    summary, query = "Store what a person said about rows", ("model", "version")
    return [
        Operation("POST", "/v1/verdicts", verdicts, summary, query, errors=(400, 404, 408, 413, 415, 503))
    ]
