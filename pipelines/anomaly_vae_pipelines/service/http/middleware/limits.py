"""Limits of requests: bytes of bodies, requests at once, and time."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anomaly_vae_pipelines.service.errors import BusyError, SlowClientError, TooLargeError
from anomaly_vae_pipelines.service.http.middleware.exchange import exchange_of
from anomaly_vae_pipelines.service.models.metrics import Metrics


def body_limits(app: ASGIApp, max_bytes: int, max_buffered_bytes: int) -> ASGIApp:
    """Raises TooLargeError for a body that is too large, BusyError if all bodies together are.

    A body is counted as it is received, whatever its Content-Length says.
    """
    n_buffered = 0

    def check(n_bytes: int) -> None:
        if n_bytes > max_bytes:
            raise TooLargeError(f"a body may have {max_bytes:,} bytes; send it in parts")

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal n_buffered
        exchange = exchange_of(scope)
        length = exchange.headers.get("content-length", "")
        if not exchange.is_open and length.isdecimal():
            check(int(length))

        async def receive_counted() -> Message:
            nonlocal n_buffered
            message = await receive()
            size = len(message.get("body", b""))
            n_buffered += size
            check(exchange.n_bytes)
            if size and n_buffered > max_buffered_bytes:
                raise BusyError("the bodies being received do not fit in memory")
            return message

        try:
            await app(scope, receive_counted, send)
        finally:
            n_buffered -= exchange.n_bytes

    return limited


def concurrency_limit(app: ASGIApp, limit: int, metrics: Metrics) -> ASGIApp:
    """Raises BusyError for a request that comes while ``limit`` others are in flight.

    Requests for pages and health are not counted; the metrics show how many of the others are in flight.
    """
    n_in_flight = 0
    metrics.in_flight.set_function(lambda: n_in_flight)

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
