"""Request metrics: each request counted by route and status, with its duration."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Receive, Scope, Send

from anomaly_vae_pipelines.service.http.middleware.access_log import CLIENT_LEFT
from anomaly_vae_pipelines.service.http.middleware.exchange import exchange_of
from anomaly_vae_pipelines.service.models.metrics import Metrics


def request_metrics(app: ASGIApp, metrics: Metrics) -> ASGIApp:
    """Counts each request at its end; paths without a route are counted as "other"."""

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        try:
            await app(scope, receive, send)
        finally:
            route = getattr(scope.get("endpoint"), "path", "other")
            seconds = time.perf_counter() - exchange.started
            metrics.answered(route, exchange.status or CLIENT_LEFT, seconds)

    return counted
