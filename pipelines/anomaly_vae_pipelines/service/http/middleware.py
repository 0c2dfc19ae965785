"""Guard: the door of the service, before any route: keys, limits, an id and a line in the log.

It is plain ASGI (https://asgi.readthedocs.io): a body is counted as it comes, whatever it said of its
length, and a request that breaks a limit is answered here.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import secrets
import time
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anomaly_vae.errors import AnomalyVAEError
from anomaly_vae_pipelines.service.errors import (
    BusyError,
    ForbiddenError,
    ServiceError,
    SlowClientError,
    TooLargeError,
    UnauthorizedError,
)
from anomaly_vae_pipelines.service.http.error_responses import error_response
from anomaly_vae_pipelines.service.http.keys import Keys
from anomaly_vae_pipelines.service.logs import NAME, log
from anomaly_vae_pipelines.service.models.metrics import Metrics
from anomaly_vae_pipelines.service.settings import Settings

REQUEST_ID = "x-request-id"
NOTES = "notes"
"""Key of the scope under which routes leave what the log is to say of a request."""

OPEN_PATHS = frozenset({"/", "/docs", "/v2/health/live", "/v2/health/ready"})
"""Paths that need no key: the pages, which ask for one, and whether the service is well."""

_OPEN_PREFIX, _ADMIN_PREFIX = "/static/", "/v2/repository/models/"
_ID = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)
_RUN, _NUMBERS = secrets.token_hex(4), itertools.count(1)
_GONE = 499  # nginx's word for a client that has left


@dataclass
class _Exchange:
    """What is known of one request and its answer."""

    headers: Headers
    id: str
    started: float = field(default_factory=time.perf_counter)
    n_bytes: int = 0
    is_whole: bool = False
    status: int = 0
    has_left: bool = False
    is_admitted: bool = False


class Guard:
    """Lets requests through to an application.

    Parameters
    ----------
    app : ASGI application
    settings : Settings
    keys : Keys
    metrics : Metrics
    """

    def __init__(self, app: ASGIApp, settings: Settings, keys: Keys, metrics: Metrics) -> None:
        self._app, self._settings, self._keys, self._metrics = app, settings, keys, metrics
        self._n_in_flight, self._n_buffered = 0, 0
        metrics.watch_in_flight(lambda: self._n_in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, here or in the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        exchange = _Exchange(headers, _request_id(headers))
        scope[NOTES] = {"request_id": exchange.id}
        scope.setdefault("app", self._app)  # or Starlette answers by itself where a method is not allowed
        try:
            await self._answer(scope, receive, send, exchange)
        finally:
            self._n_in_flight -= exchange.is_admitted
            self._n_buffered -= exchange.n_bytes
            self._note(scope, exchange)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, exchange: _Exchange) -> None:
        sender = self._sender(send, exchange)
        failure: Exception
        try:
            if not _is_open(scope["path"]):
                self._admit(scope, exchange)
            async with asyncio.timeout(self._settings.request_timeout):
                await self._app(scope, self._receiver(receive, exchange), sender)
            return
        except ClientDisconnect:
            exchange.has_left = True
            return
        except TimeoutError:
            failure = self._too_late(exchange)
        except (AnomalyVAEError, HTTPException) as error:
            failure = error
        except Exception as error:
            logging.getLogger(NAME).exception("a request failed")
            failure = error
        if not exchange.status and not exchange.has_left:
            await error_response(failure, exchange.id)(scope, receive, sender)

    def _admit(self, scope: Scope, exchange: _Exchange) -> None:
        """Raise where a request may not come in: no place, no key, or too large by its own word."""
        self._check_key(scope["path"], exchange.headers)
        if self._n_in_flight >= self._settings.max_in_flight:
            raise BusyError
        exchange.is_admitted = True
        self._n_in_flight += 1
        length = exchange.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._settings.max_body_bytes:
            raise self._too_large()

    def _check_key(self, path: str, headers: Headers) -> None:
        is_admin = path.startswith(_ADMIN_PREFIX)
        if not self._keys:
            if is_admin:
                raise ForbiddenError("steering needs an admin key, and the service was started without any")
            return
        role = self._keys.role_of(_key(headers))
        if role is None:
            raise UnauthorizedError
        if is_admin and role != "admin":
            raise ForbiddenError("this needs an admin key, and yours is for scoring")

    def _receiver(self, receive: Receive, exchange: _Exchange) -> Receive:
        """Counts a body as it comes."""

        async def counted() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                n_bytes = len(message.get("body", b""))
                exchange.n_bytes += n_bytes
                self._n_buffered += n_bytes
                exchange.is_whole = not message.get("more_body", False)
                if exchange.n_bytes > self._settings.max_body_bytes:
                    raise self._too_large()
                if self._n_buffered > self._settings.max_buffered_bytes:
                    raise BusyError("more bytes are being received than fit in memory")
            elif not exchange.is_whole:
                exchange.has_left = True
            return message

        return counted

    def _sender(self, send: Send, exchange: _Exchange) -> Send:
        """Adds what every answer has, and notes its status."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                own = [(REQUEST_ID.encode(), exchange.id.encode()), (b"x-content-type-options", b"nosniff")]
                if not exchange.is_whole and _has_body(exchange.headers):
                    own.append((b"connection", b"close"))  # the rest of the body is not waited for
                message = {**message, "headers": [*message.get("headers", []), *own]}
            await send(message)

        return sent

    def _too_large(self) -> TooLargeError:
        return TooLargeError(f"a body may have {self._settings.max_body_bytes:,} bytes; send it in parts")

    def _too_late(self, exchange: _Exchange) -> ServiceError:
        seconds = f"{self._settings.request_timeout:g} s"
        if not exchange.is_whole:
            return SlowClientError(f"the request had not arrived whole after {seconds}")
        return BusyError(f"the answer was not ready after {seconds}")

    def _note(self, scope: Scope, exchange: _Exchange) -> None:
        seconds = time.perf_counter() - exchange.started
        status = exchange.status or _GONE
        route = getattr(scope.get("endpoint"), "path", "other")
        self._metrics.answered(route, status, seconds)
        log(
            logging.DEBUG if _is_open(scope["path"]) else logging.INFO,
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(1e3 * seconds, 3),
            bytes=exchange.n_bytes,
            **scope[NOTES],
        )


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(_OPEN_PREFIX)


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _key(headers: Headers) -> str:
    """The key of a request; empty where none came."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")


def _request_id(headers: Headers) -> str:
    """The id that a request came with, where it is one that may stand in a log; else a new one."""
    given = headers.get(REQUEST_ID, "")
    return given if _ID.fullmatch(given) else f"{_RUN}-{next(_NUMBERS):x}"
