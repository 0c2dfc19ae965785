"""Response headers: those that every response has."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anomaly_vae_pipelines.service.http.middleware.exchange import REQUEST_ID, exchange_of


def response_headers(app: ASGIApp) -> ASGIApp:
    """Adds the id of the request, ``nosniff``, and ``Connection: close`` if a body was not read fully."""

    async def with_headers(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(REQUEST_ID.encode(), exchange.id.encode()), (b"x-content-type-options", b"nosniff")]
                if not exchange.is_whole and _has_body(exchange.headers):
                    added.append((b"connection", b"close"))  # the server does not wait for the rest
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        await app(scope, receive, send_with_headers)

    return with_headers


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
