"""Body limits: bytes of one body, and of all bodies in memory at once."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anomaly_vae_pipelines.service.errors import BusyError, TooLargeError
from anomaly_vae_pipelines.service.http.middleware.exchange import exchange_of


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
        exchange, n_bytes = exchange_of(scope), 0
        length = exchange.headers.get("content-length", "")
        if not exchange.is_open and length.isdecimal():
            check(int(length))

        async def receive_counted() -> Message:
            nonlocal n_buffered, n_bytes
            message = await receive()
            size = len(message.get("body", b""))
            n_bytes, n_buffered = n_bytes + size, n_buffered + size
            check(n_bytes)
            if size and n_buffered > max_buffered_bytes:
                raise BusyError("the bodies being received do not fit in memory")
            return message

        try:
            await app(scope, receive_counted, send)
        finally:
            n_buffered -= n_bytes

    return limited
