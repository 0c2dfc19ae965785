"""Protocol: uvicorn's HTTP/1.1, with limits for clients that are slow, send too much or stop reading.

Uvicorn leaves such limits to a proxy; this service also runs without one.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
"""Time in which the head of a request must arrive."""

HEAD_BYTES = 1 << 16
"""Largest size of the head, and of the trailers after a body."""

STALL_SECONDS = 30.0
"""Time that a response may wait for its client to read it."""

LINGER_SECONDS = 0.3
"""Time in which an idle connection may send one more request after SIGTERM."""

_FRAME = 8
"""Approximate size of a chunk of one byte."""

_UPGRADE = re.compile(rb"\r\nupgrade(?=:)", re.IGNORECASE)


class Protocol(HttpToolsProtocol):
    """One connection.

    It is closed if a head does not arrive in time or does not end, and if the client does not read its
    responses. An offer to upgrade is ignored: otherwise the parser would read the body in the other protocol.
    After SIGTERM an idle connection stays open for a moment, or a request already sent would be lost.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._awaits_head, self._n_head, self._n_frame = True, 0, 0
        self._is_closing = self._ignores_rest = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a head."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Parse bytes of a head or of a body."""
        if self._ignores_rest:
            return
        if self._awaits_head:
            self._n_head += len(data)
            data = _without_upgrade(data)
        else:
            self._n_frame += len(data)
        super().data_received(data)
        if self._n_head and self._awaits_head:
            self._expect_head()
        is_endless = self._n_head > HEAD_BYTES if self._awaits_head else self._n_frame > HEAD_BYTES
        if is_endless and not self.transport.is_closing():
            self.send_400_response(f"Headers and trailers may have {HEAD_BYTES} bytes.")

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._awaits_head = False
        self._stop("head")
        super().on_headers_complete()
        self._ignores_rest = self.parser.should_upgrade()  # its head came in pieces
        if self._is_closing or self._ignores_rest:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A part of a body arrived; the lengths of its chunks take a few bytes each."""
        super().on_body(body)
        self._n_frame = max(0, self._n_frame - _FRAME * len(body))  # a long body allows no long trailers

    def on_message_complete(self) -> None:
        """The body is complete."""
        super().on_message_complete()
        self._awaits_head, self._n_head, self._n_frame = True, 0, 0

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        super().pause_writing()
        if "stall" not in self._timers:
            self._timers["stall"] = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._stop("stall")
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer and close; a client that does not read the answer is dropped."""
        super().send_400_response(msg)
        self._drop_if_unread()

    def on_response_complete(self) -> None:
        """The response is complete: start the next request, or close the connection."""
        super().on_response_complete()
        self._drop_if_unread()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        for name in list(self._timers):
            self._stop(name)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Answer the requests in flight, then close the connection."""
        self._is_closing = True
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(LINGER_SECONDS, super().shutdown)

    def _expect_head(self) -> None:
        if "head" not in self._timers:
            self._timers["head"] = self.loop.call_later(HEAD_SECONDS, self._close_silent)

    def _close_silent(self) -> None:
        """Close the connection, unless a response is being sent."""
        self._stop("head")
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self._expect_head()

    def _drop_if_unread(self) -> None:
        """Drop a connection that was closed with bytes that its client has not read, after a while."""
        if self.transport.is_closing() and "close" not in self._timers:
            self._timers["close"] = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def _stop(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()


def _without_upgrade(data: bytes) -> bytes:
    """A head, or a part of one, with its Upgrade header renamed to one of the same length."""
    head, end, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nupgraed", head) + end + rest
