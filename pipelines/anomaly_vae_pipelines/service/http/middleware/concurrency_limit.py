"""Concurrency limit: at most a number of requests at once."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from anomaly_vae_pipelines.service.errors import BusyError
from anomaly_vae_pipelines.service.http.middleware.exchange import exchange_of
from anomaly_vae_pipelines.service.models.metrics import Metrics


def concurrency_limit(app: ASGIApp, limit: int, metrics: Metrics) -> ASGIApp:
    """Raises BusyError for a request that comes while ``limit`` others are in flight.

    Requests for pages and health are not counted; the metrics show how many of the others are in flight.
    """
    n_in_flight = 0
    metrics.watch_in_flight(lambda: n_in_flight)

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal n_in_flight
        if exchange_of(scope).is_open:
            await app(scope, receive, send)
            return
        if n_in_flight >= limit:
            raise BusyError
        n_in_flight += 1
        try:
            await app(scope, receive, send)
        finally:
            n_in_flight -= 1

    return limited
