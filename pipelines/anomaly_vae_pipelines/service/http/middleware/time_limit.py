"""Time limit: from the head of a request to the end of its response."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from anomaly_vae_pipelines.service.errors import BusyError, SlowClientError
from anomaly_vae_pipelines.service.http.middleware.exchange import exchange_of


def time_limit(app: ASGIApp, seconds: float) -> ASGIApp:
    """Raises SlowClientError if the body is not received in time, BusyError if the response is not ready."""

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(seconds):
                await app(scope, receive, send)
        except TimeoutError:
            limit = f"{seconds:g} s"
            if exchange_of(scope).is_whole:
                raise BusyError(f"the response was not ready after {limit}") from None
            raise SlowClientError(f"the request had not arrived completely after {limit}") from None

    return limited
