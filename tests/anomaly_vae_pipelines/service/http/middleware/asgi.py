"""Requests to ASGI applications without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anomaly_vae_pipelines.service.http.middleware.exchange import record_exchange


class Answer(NamedTuple):
    """A response; of status 0 if there was none."""

    status: int
    headers: dict[str, str]
    body: bytes


def scope_of(path: str = "/v1/score", headers: Mapping[str, str] | None = None) -> Scope:
    """The scope of a POST."""
    fields = [(name.lower().encode(), text.encode()) for name, text in (headers or {}).items()]
    return {"type": "http", "method": "POST", "path": path, "headers": fields}


async def send_to(app: ASGIApp, scope: Scope, parts: Sequence[bytes | None] = (b"",)) -> Answer:
    """The response to a body in parts; None stands for a client that disconnects."""
    waiting, sent = list(parts), list[Message]()

    async def receive() -> Message:
        part = waiting.pop(0) if waiting else None
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        sent.append(message)

    await record_exchange(app)(scope, receive, send)
    start = sent[0] if sent else {"status": 0, "headers": []}
    headers = {name.decode(): text.decode() for name, text in start["headers"]}
    return Answer(start["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))


def ask(
    app: ASGIApp,
    *parts: bytes | None,
    path: str = "/v1/score",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """The response of an application to one request."""
    return asyncio.run(send_to(app, scope_of(path, headers), parts or (b"",)))


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers 200 with the body."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    await deaf(scope, receive, send, body)


async def deaf(scope: Scope, receive: Receive, send: Send, body: bytes = b"") -> None:
    """Answers 200 without reading the body."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
