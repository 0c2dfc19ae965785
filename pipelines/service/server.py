"""Server: a service on a port, from the first model loaded to the last request answered."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from anomaly_vae.errors import AnomalyVAEError
from pipelines.service.app import create_app
from pipelines.service.files import Place
from pipelines.service.keys import read_keys
from pipelines.service.logs import log, log_to_stderr
from pipelines.service.registry import Registry
from pipelines.service.reloading import Reloader
from pipelines.service.settings import Settings

HEAD_SECONDS = 10.0
"""Time that a connection has to send the head of its first request."""

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def serve(
    places: Sequence[Place], settings: Settings, on_start: Callable[[str], None] = lambda url: None
) -> None:
    """Serve the models of some places until SIGTERM or SIGINT, and answer what was asked before that.

    Parameters
    ----------
    places : sequence of Place
    settings : Settings
    on_start : callable
        Is given the URL once the service answers.

    Raises
    ------
    ModelFileError
        For a file that is no model; InputError for keys that cannot be read, AnomalyVAEError where the
        port cannot be had.
    """
    log_to_stderr(settings.log_level)
    keys = read_keys(settings)
    registry = Registry(settings)
    reloader = Reloader(registry, places)
    reloader.load_all()
    app = create_app(registry, settings, reloader=reloader)
    listener = _listen(settings)
    if not keys and settings.host not in _LOOPBACK:
        log(logging.WARNING, "there are no keys: whoever reaches this port can score", host=settings.host)
    server = _Server(_config(app, settings), on_start)
    with listener:
        server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Uvicorn's server, which says when it is there and ends without a word when it is told to."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[str], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does, and say so."""
        await super().startup(sockets)
        if self.started and sockets:
            scheme = "https" if self.config.is_ssl else "http"
            self._on_start(f"{scheme}://{_shown(sockets[0])}")


class _Protocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it; a connection on which no request begins in time is closed."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._head = self.loop.call_later(HEAD_SECONDS, self._close_silent)

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._head.cancel()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._head.cancel()
        super().connection_lost(exc)

    def _close_silent(self) -> None:
        self.transport.close()


def _config(app: Any, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        loop="auto" if sys.platform != "win32" else "asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=round(settings.drain_timeout),
        ssl_certfile=_path(settings.ssl_certfile),
        ssl_keyfile=_path(settings.ssl_keyfile),
        ssl_keyfile_password=settings.ssl_keyfile_password,
        ssl_ca_certs=_path(settings.ssl_ca_certs),
    )


def _listen(settings: Settings) -> socket.socket:
    """The socket to listen on; raises AnomalyVAEError where it cannot be had."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server(
            (settings.host, settings.port), family=family, backlog=2048, reuse_port=False
        )
    except OSError as error:
        where, why = f"{settings.host}:{settings.port}", error.strerror
        raise AnomalyVAEError(
            f"{where}: cannot be listened on ({why}); give another --port or --host"
        ) from error


def _shown(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _path(path: Any) -> str | None:
    return None if path is None else str(path)
