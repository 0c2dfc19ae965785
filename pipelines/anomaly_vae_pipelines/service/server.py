"""Server: a service on a port, from loading the models to the last response."""

from __future__ import annotations

import logging
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn

from anomaly_vae.errors import AnomalyVAEError, InputError
from anomaly_vae_pipelines.service.app import create_app
from anomaly_vae_pipelines.service.http.keys import read_keys
from anomaly_vae_pipelines.service.http.protocol import Protocol
from anomaly_vae_pipelines.service.logs import log, log_to_stderr
from anomaly_vae_pipelines.service.models.files import ModelPath
from anomaly_vae_pipelines.service.models.registry import Registry, load_served
from anomaly_vae_pipelines.service.models.reloading import Load, Reloader
from anomaly_vae_pipelines.service.settings import Settings
from anomaly_vae_pipelines.service.shutdown import GRACE, exit_after, exit_now

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def serve(
    models: Sequence[ModelPath],
    settings: Settings,
    on_start: Callable[[str], None] = lambda url: None,
    *,
    load: Load | None = None,
) -> None:
    """Serve models until SIGTERM or SIGINT, and answer the requests received before that.

    The process ends at most ``drain_timeout`` plus one second after the signal, whatever its threads do.

    Parameters
    ----------
    models : sequence of ModelPath
    settings : Settings
    on_start : callable
        Called with the URL once the service answers.
    load : callable
        ``load(name, version, path)`` returns a ServedModel. The default loads model files according to the
        setting ``isolate``.

    Raises
    ------
    ModelFileError
        If a file is not a model; InputError if keys or certificates cannot be read, AnomalyVAEError if the
        port cannot be used.
    """
    log_to_stderr(settings.log_level)
    server = Server(models, settings, on_start, load=load)
    server.on_signal = lambda code: exit_after(settings.drain_timeout + GRACE, code)
    try:
        server.run()
    finally:
        if server.exit_code is not None and server.reloader.is_loading:
            exit_now(server.exit_code)


class Server(uvicorn.Server):
    """A service with its models loaded and its port open, ready to run.

    Parameters and errors are those of ``serve``. Setting ``should_exit`` also stops it.

    Attributes
    ----------
    reloader : Reloader
    on_signal : callable
        Called with the exit code at the first signal.
    exit_code : int or None
        0, or 130 after Ctrl-C; None before a signal.
    """

    def __init__(
        self,
        models: Sequence[ModelPath],
        settings: Settings,
        on_start: Callable[[str], None] = lambda url: None,
        *,
        load: Load | None = None,
    ) -> None:
        keys = read_keys(settings)
        _check_certificate(settings)
        registry = Registry(settings)
        self._history = registry.history
        at_start = partial(load_served, isolated=settings.isolate == "always")
        later = partial(load_served, isolated=settings.isolate != "never")
        self.reloader = Reloader(registry, models, load or at_start, load or later)
        self.reloader.load_all()
        super().__init__(_config(create_app(registry, settings, reloader=self.reloader), settings))
        self._on_start, self._listener = on_start, _listen(settings)
        self.on_signal: Callable[[int], None] = lambda code: None
        self.exit_code: int | None = None
        if not keys and settings.host not in _LOOPBACK:
            warning = "no keys are set: anyone who can reach this port can score"
            log(logging.WARNING, warning, host=settings.host)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal or ``should_exit``."""
        with self._listener:
            super().run(sockets=[self._listener, *(sockets or [])])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then call ``on_start``."""
        await super().startup(sockets)
        if self.started:
            host, port = self._listener.getsockname()[:2]
            scheme, host = "https" if self.config.is_ssl else "http", f"[{host}]" if ":" in host else host
            self._on_start(f"{scheme}://{host}:{port}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop as uvicorn does, without waiting for clients that wait for events."""
        self._history.is_ending = True
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal as uvicorn does; the first one starts the time limit."""
        if not self.should_exit:
            self.exit_code = 128 + sig if sig == signal.SIGINT else 0
            self.on_signal(self.exit_code)
        super().handle_exit(sig, frame)


def _config(app: Any, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        loop="auto" if sys.platform != "win32" else "asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=cast(int, settings.drain_timeout),  # asyncio takes fractions too
        ssl_certfile=settings.ssl_certfile,
        ssl_keyfile=settings.ssl_keyfile,
        ssl_keyfile_password=settings.ssl_keyfile_password,
        ssl_ca_certs=settings.ssl_ca_certs,
    )


def _check_certificate(settings: Settings) -> None:
    """Raise InputError if the files for TLS cannot be used."""
    certificate, key = settings.ssl_certfile, settings.ssl_keyfile
    if certificate is None:
        if key is not None:
            raise InputError(f"{key}: is a key, and the certificate is missing; give --ssl-certfile too")
        return
    for path in (certificate, key, settings.ssl_ca_certs):
        if path is not None and not path.is_file():
            raise InputError(f"{path}: is not a file; wanted PEM")
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=settings.ssl_ca_certs)
        context.load_cert_chain(certificate, key, lambda: settings.ssl_keyfile_password or "")
    except OSError as error:
        problem = f"cannot be used with the key {key or 'in it'} ({error.strerror or error})"
        raise InputError(f"{certificate}: {problem}") from error


def _listen(settings: Settings) -> socket.socket:
    """The socket to listen on; raises AnomalyVAEError if it cannot be opened."""
    address = settings.host, settings.port
    try:
        family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server(address, family=family, backlog=2048)
    except OSError as error:
        problem = f"cannot be listened on ({error.strerror}); give another --port or --host"
        raise AnomalyVAEError(f"{settings.host}:{settings.port}: {problem}") from error
