"""Access log: one line for each request, with what its route found."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from anomaly_vae_pipelines.service.http.middleware.exchange import exchange_of
from anomaly_vae_pipelines.service.logs import log

CLIENT_LEFT = 499
"""Status, after nginx, of a request whose client left before its response."""


def access_log(app: ASGIApp) -> ASGIApp:
    """Logs each request at its end; those for pages and health at the level DEBUG."""

    async def logged(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        try:
            await app(scope, receive, send)
        finally:
            log(
                logging.DEBUG if exchange.is_open else logging.INFO,
                "request",
                method=scope["method"],
                path=scope["path"],
                status=exchange.status or CLIENT_LEFT,
                ms=round(1e3 * (time.perf_counter() - exchange.started), 3),
                bytes=exchange.n_bytes,
                request_id=exchange.id,
                **exchange.log_fields,
            )

    return logged
