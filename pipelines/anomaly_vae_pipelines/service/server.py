"""Server: a service on a port, from the first model loaded to the last request answered."""

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
from anomaly_vae_pipelines.service.models.files import Place
from anomaly_vae_pipelines.service.models.registry import Registry, load_served
from anomaly_vae_pipelines.service.models.reloading import Load, Reloader
from anomaly_vae_pipelines.service.settings import Settings
from anomaly_vae_pipelines.service.shutdown import GRACE, leave, leave_after

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def serve(
    places: Sequence[Place],
    settings: Settings,
    on_start: Callable[[str], None] = lambda url: None,
    *,
    load: Load | None = None,
) -> None:
    """Serve the models of some places until SIGTERM or SIGINT, and answer what was asked before that.

    The process ends within ``drain_timeout`` and a second of the signal, whatever its threads do.

    Parameters
    ----------
    places : sequence of Place
    settings : Settings
    on_start : callable
        Is given the URL once the service answers.
    load : callable
        Gives the ServedModel of a name, version and path. By default model files are loaded as the setting
        ``isolate`` says.

    Raises
    ------
    ModelFileError
        For a file that is not a model; InputError for keys or certificates that cannot be read,
        AnomalyVAEError where the port cannot be had.
    """
    log_to_stderr(settings.log_level)
    server = Server(places, settings, on_start, load=load)
    server.on_signal = lambda code: leave_after(settings.drain_timeout + GRACE, code)
    try:
        server.run()
    finally:
        if server.exit_code is not None and server.reloader.is_loading:
            leave(server.exit_code)


class Server(uvicorn.Server):
    """A service with its models loaded and its port taken, ready to run.

    Parameters and errors are those of ``serve``. It says when it is there, and ends without a word when it is
    told to, also by ``should_exit``.

    Attributes
    ----------
    reloader : Reloader
    on_signal : callable
        Is given the exit code when a signal asks the service to end.
    exit_code : int or None
        0, or 130 after Ctrl-C; None until a signal comes.
    """

    def __init__(
        self,
        places: Sequence[Place],
        settings: Settings,
        on_start: Callable[[str], None] = lambda url: None,
        *,
        load: Load | None = None,
    ) -> None:
        keys = read_keys(settings)
        _check_certificate(settings)
        registry = Registry(settings)
        at_start = partial(load_served, isolated=settings.isolate == "always")
        later = partial(load_served, isolated=settings.isolate != "never")
        self.reloader = Reloader(registry, places, load or at_start, load or later)
        self.reloader.load_all()
        super().__init__(_config(create_app(registry, settings, reloader=self.reloader), settings))
        self._on_start, self._listener = on_start, _listen(settings)
        self.on_signal: Callable[[int], None] = lambda code: None
        self.exit_code: int | None = None
        if not keys and settings.host not in _LOOPBACK:
            log(
                logging.WARNING,
                "there are no keys: whoever reaches this port can score",
                host=settings.host,
            )

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to end."""
        with self._listener:
            super().run(sockets=[self._listener, *(sockets or [])])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does, and say so."""
        await super().startup(sockets)
        if self.started:
            scheme = "https" if self.config.is_ssl else "http"
            self._on_start(f"{scheme}://{_shown(self._listener)}")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """As uvicorn does; the first signal starts the clock."""
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
        ssl_certfile=_path(settings.ssl_certfile),
        ssl_keyfile=_path(settings.ssl_keyfile),
        ssl_keyfile_password=settings.ssl_keyfile_password,
        ssl_ca_certs=_path(settings.ssl_ca_certs),
    )


def _check_certificate(settings: Settings) -> None:
    """Raise InputError where TLS is wanted and cannot be had."""
    certificate, key = settings.ssl_certfile, settings.ssl_keyfile
    if certificate is None:
        if key is not None:
            raise InputError(f"{key}: is a key without a certificate; give --ssl-certfile too")
        return
    for path in (certificate, key, settings.ssl_ca_certs):
        if path is not None and not path.is_file():
            raise InputError(f"{path}: is no file; wanted PEM")
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=settings.ssl_ca_certs)
        context.load_cert_chain(certificate, key, lambda: settings.ssl_keyfile_password or "")
    except OSError as error:
        raise InputError(
            f"{certificate}: cannot be used, with the key {key or 'in it'} ({error.strerror or error})"
        ) from error


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
