"""The overview (``/v1/overview``): what the service knows of its last day, and when that changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from anomaly_vae.drift import ColumnDrift
from anomaly_vae_pipelines.service.codecs.schemas import DriftedColumn, ModelActivity, Overview
from anomaly_vae_pipelines.service.errors import BusyError
from anomaly_vae_pipelines.service.models.activity import total
from anomaly_vae_pipelines.service.models.registry import Registry
from anomaly_vae_pipelines.service.routes.operations import Operation
from anomaly_vae_pipelines.service.settings import Settings

MOST_STREAMS = 32
"""Clients that may wait for events at once; others ask for the overview again now and then."""

SECONDS = 20.0
"""Longest stream of events; the client then asks for the next one."""

_PAUSE = 0.5


def overview_operations(models: Registry, settings: Settings) -> list[Operation]:
    """The operations of the overview."""
    n_streams = 0

    def read() -> Overview:
        history = models.history
        anomalies = [one for name in models.names for one in history.anomalies(name)]
        anomalies.sort(key=lambda one: one.time, reverse=True)
        active = [_active(models, name, settings) for name in models.names]
        return Overview(history.kept, active, history.reloads(), anomalies)

    async def overview(request: Request) -> Overview:
        return await asyncio.to_thread(read)

    async def events(request: Request) -> Response:
        if n_streams >= MOST_STREAMS:
            raise BusyError("too many clients wait for events")
        return StreamingResponse(changes(), media_type="text/event-stream")

    async def changes() -> AsyncIterator[str]:
        nonlocal n_streams
        n_streams += 1
        try:
            seen, history = -1, models.history
            for _ in range(round(min(SECONDS, settings.request_timeout / 2) / _PAUSE)):
                if history.is_ending:
                    return
                if history.revision != seen:
                    seen = history.revision
                    yield f"event: change\ndata: {seen}\n\n"
                await asyncio.sleep(_PAUSE)
        finally:
            n_streams -= 1

    return [
        Operation("GET", "/v1/overview", overview, "Rates, severities and anomalies of the last day"),
        Operation("GET", "/v1/events", events),
    ]


def _active(models: Registry, name: str, settings: Settings) -> ModelActivity:
    """The counts of a model; its threshold is that of the newest version."""
    served, _ = models.get(name)
    activity = models.history.activity(name)
    minutes, hours, statistics = activity.minutes(), activity.hours(), served.statistics.snapshot()
    recent = served.recent_drift
    drifted = None if recent is None else recent.columns()
    return ModelActivity(
        name=name,
        version=served.version,
        threshold=served.offset,
        false_alarm_rate=served.false_alarm_rate,
        takes_verdicts=settings.verdicts_folder is not None and served.takes_verdicts,
        hour=total(minutes),
        day=total(hours),
        minutes=minutes,
        hours=hours,
        severities=activity.steps(),
        score_drift=statistics.drift,
        score_drift_rows=statistics.n_recent,
        column_drift=None if drifted is None else [_drifted(column) for column in drifted],
        column_drift_rows=None if recent is None else recent.n_rows,
    )


def _drifted(column: ColumnDrift) -> DriftedColumn:
    return DriftedColumn(
        column.name,
        column.effect,
        column.p_value,
        column.shift,
        column.missing,
        column.calibration_missing,
        column.unseen,
    )
