"""Exchanges: what is known of a request and its response, and the headers that every response has."""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPEN_PATHS = frozenset({"/", "/docs", "/v2/health/live", "/v2/health/ready"})
"""Paths that need no key: the pages, which ask for one, and the health of the service."""

REQUEST_ID = "x-request-id"
_EXCHANGE = "anomaly_vae.exchange"
_OPEN_PREFIX = "/static/"
_ID = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)
_RUN, _NUMBERS = secrets.token_hex(4), itertools.count(1)


@dataclass(slots=True)
class Exchange:
    """One request and its response.

    Attributes
    ----------
    id : str
        The request's own, if it is safe in a log; otherwise generated.
    is_open : bool
        Whether the path needs no key and is exempt from the limits.
    is_whole : bool
        Whether all of the body was received.
    status : int
        HTTP status of the response; 0 until it starts.
    log_fields : dict
        What routes add to the line of the access log.
    """

    headers: Headers
    id: str
    is_open: bool
    started: float = field(default_factory=time.perf_counter)
    n_bytes: int = 0
    is_whole: bool = False
    status: int = 0
    has_left: bool = False
    log_fields: dict[str, Any] = field(default_factory=dict)


def exchange_of(scope: Scope) -> Exchange:
    """The exchange that a scope belongs to."""
    exchange: Exchange = scope[_EXCHANGE]
    return exchange


def record_exchange(app: ASGIApp) -> ASGIApp:
    """Puts an Exchange into the scope, and keeps it up to date.

    It adds the id of the request, ``nosniff``, and ``Connection: close`` if a body was not read fully.
    """

    async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
        headers, path = Headers(scope=scope), scope["path"]
        is_open = path in OPEN_PATHS or path.startswith(_OPEN_PREFIX)
        exchange = scope[_EXCHANGE] = Exchange(headers, _request_id(headers), is_open)

        async def receive_recorded() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                exchange.n_bytes += len(message.get("body", b""))
                exchange.is_whole = not message.get("more_body", False)
            elif not exchange.is_whole:
                exchange.has_left = True
            return message

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                message = {**message, "headers": [*message.get("headers", []), *_added_headers(exchange)]}
            await send(message)

        await app(scope, receive_recorded, send_recorded)

    return recorded


def _added_headers(exchange: Exchange) -> Iterator[tuple[bytes, bytes]]:
    yield REQUEST_ID.encode(), exchange.id.encode()
    yield b"x-content-type-options", b"nosniff"
    has_body = exchange.headers.get("content-length", "0") != "0" or "transfer-encoding" in exchange.headers
    if has_body and not exchange.is_whole:
        yield b"connection", b"close"  # the server does not wait for the rest


def _request_id(headers: Headers) -> str:
    given = headers.get(REQUEST_ID, "")
    return given if _ID.fullmatch(given) else f"{_RUN}-{next(_NUMBERS):x}"
