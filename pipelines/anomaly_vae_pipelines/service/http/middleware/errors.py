"""Errors: exceptions of the routes and of the middleware inside as responses."""

from __future__ import annotations

import logging

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from anomaly_vae.errors import AnomalyVAEError
from anomaly_vae_pipelines.service.http.error_responses import error_response
from anomaly_vae_pipelines.service.http.middleware.exchange import exchange_of
from anomaly_vae_pipelines.service.logs import NAME


def errors(app: ASGIApp) -> ASGIApp:
    """Sends an error response, unless a response was started or the client has left.

    Unexpected exceptions are logged with their stack trace.
    """

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        scope.setdefault("app", app)  # without it Starlette sends its own response for an unknown path
        try:
            await app(scope, receive, send)
        except ClientDisconnect:
            exchange.has_left = True
        except Exception as error:
            if not isinstance(error, AnomalyVAEError | HTTPException):
                logging.getLogger(NAME).exception("a request failed")
            if not exchange.status and not exchange.has_left:
                await error_response(error, exchange.id)(scope, receive, send)

    return answered
