"""Protocol: HTTP as uvicorn speaks it, for clients that are slow, greedy or gone.

Uvicorn leaves these to a proxy in front; a service that is given to operators has to bear them alone.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
"""Time that the head of a request may take to come."""

HEAD_BYTES = 1 << 16
"""Bytes that it may have; and so may the trailers behind a body."""

STALL_SECONDS = 30.0
"""Time that an answer may wait for its client to read it."""

LINGER_SECONDS = 0.3
"""Time that an idle connection has to send one more request once the service is told to end."""

_FRAME = 8
"""Bytes that a chunk of one byte takes, about."""

_UPGRADE = re.compile(rb"(?<=\r\nup)grade(?=:)", re.IGNORECASE)


class Protocol(HttpToolsProtocol):
    """One connection.

    A head that does not come in time, or does not end, closes it; so does a client that reads no answers.
    An offer to speak another protocol is not heard, or the parser would take the body for that protocol. And
    once the service is told to end, an idle connection stays open for a moment: closed at once, it would
    lose the request that is on its way.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._timer: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._awaits_head, self._n_head, self._n_frame = True, 0, 0
        self._is_ending = self._is_deaf = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Bytes have come, of a head or of a body."""
        if self._is_deaf:
            return
        if self._awaits_head:
            self._n_head += len(data)
            if b"pgrade:" in data or b"PGRADE:" in data:
                data = _without_upgrade(data)
        else:
            self._n_frame += len(data)
        super().data_received(data)
        if self._n_head and self._awaits_head:
            self._expect_head()
        is_endless = self._n_head > HEAD_BYTES if self._awaits_head else self._n_frame > HEAD_BYTES
        if is_endless and not self.transport.is_closing():
            self.send_400_response(f"What stands around a body may have {HEAD_BYTES} bytes.")

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._awaits_head = False
        self._stop_timer()
        super().on_headers_complete()
        self._is_deaf = self.parser.should_upgrade()  # its head came in pieces, and what follows is lost
        if self._is_ending or self._is_deaf:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A piece of a body is there; around it may stand lengths of chunks, a few bytes for each."""
        super().on_body(body)
        self._n_frame -= _FRAME * len(body)

    def on_message_complete(self) -> None:
        """The body is there."""
        super().on_message_complete()
        self._awaits_head, self._n_head, self._n_frame = True, 0, 0

    def pause_writing(self) -> None:
        """The client does not read as fast as is written."""
        super().pause_writing()
        if self._stall is None:
            self._stall = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It has caught up."""
        self._stop_stall()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_timer()
        self._stop_stall()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Answer what has been asked, and what is being asked, and tell the client to go."""
        self._is_ending = True
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(LINGER_SECONDS, super().shutdown)

    def _expect_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._close_silent)

    def _close_silent(self) -> None:
        """Close it, unless an answer is on its way."""
        self._timer = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self._expect_head()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None


def _without_upgrade(data: bytes) -> bytes:
    """A head, or a piece of one, whose Upgrade has another name of the same length."""
    head, mark, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"graed", head) + mark + rest
