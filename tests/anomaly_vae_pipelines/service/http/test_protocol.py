"""Connections: heads, trailers and responses that do not end, and offers to upgrade."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from anomaly_vae_pipelines.service.http import protocol
from anomaly_vae_pipelines.service.http.keys import new_key
from tests.anomaly_vae_pipelines.service.live import (
    MANY,
    ROW,
    Live,
    address_of,
    answer_of,
    head,
    serving,
    serving_here,
    until,
)


class Timers:
    """An event loop of which only the timers are used; time passes when a test says so."""

    def __init__(self) -> None:
        self.now, self._waiting = 0.0, list[tuple[float, Callable[[], None], "Timer"]]()

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        timer = Timer()
        self._waiting.append((self.now + seconds, call, timer))
        return timer

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        due = [one for one in self._waiting if one[0] <= self.now]
        self._waiting = [one for one in self._waiting if one[0] > self.now]
        for _, call, timer in due:
            if not timer.is_cancelled:
                call()


class Timer:
    """A timer that was started."""

    is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class UnreadTransport:
    """A connection whose client reads nothing: to close it waits for its last bytes, without end."""

    def __init__(self) -> None:
        self.written, self.n_aborts, self._is_closing = b"", 0, False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self._is_closing = True

    def abort(self) -> None:
        self.n_aborts += 1

    def is_closing(self) -> bool:
        return self._is_closing

    def get_extra_info(self, name: str) -> None:
        return None


@pytest.fixture
def unread() -> tuple[protocol.Protocol, UnreadTransport, Timers]:
    """A connection that was just made, without a network."""
    timers, transport = Timers(), UnreadTransport()
    connection = protocol.Protocol(Config(lambda: None, log_config=None), ServerState(), {}, timers)
    connection.connection_made(transport)
    return connection, transport, timers


@pytest.fixture(scope="module")
def live(models: list[Path]) -> Iterator[Live]:
    """A running service."""
    with serving([f"model={models[0]}"], ANOMALY_VAE_REQUEST_TIMEOUT="1.5") as live:
        yield live


def test_a_silent_connection_is_closed(models: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose head arrives a byte at a time and takes too long."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    with serving_here([str(models[0])]) as url, socket.create_connection(address_of(url)) as connection:
        with contextlib.suppress(OSError):
            for letter in head() * 10:
                connection.sendall(bytes([letter]))
                time.sleep(0.02)
        assert answer_of(connection) == (0, b"")


def test_the_second_head_of_a_connection_has_its_time_too(
    models: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    with serving_here([str(models[0])]) as url, socket.create_connection(address_of(url)) as connection:
        connection.sendall(head(f"Content-Length: {len(ROW)}") + ROW)
        time.sleep(0.3)
        connection.sendall(b"POST /v1")
        status, text = answer_of(connection)
    assert status == 200
    assert text.count(b"HTTP/1.1") == 1


def test_a_head_without_end_is_refused(live: Live) -> None:
    with socket.create_connection(address_of(live.url)) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(head("X: " + "x" * (1 << 22))[:-4])
        status, _ = answer_of(connection)
    assert status in (0, 400)  # 0: the system dropped the answer along with the connection
    with socket.create_connection(address_of(live.url)) as connection:
        connection.sendall(
            head("X: " + "x" * 60_000, f"Content-Length: {len(ROW)}", "Connection: close") + ROW
        )
        assert answer_of(connection)[0] == 200


@pytest.mark.parametrize("n_bytes", [1, 1 << 20])
def test_trailers_without_end_are_refused(live: Live, n_bytes: int) -> None:
    """However long the body before them is."""
    chunk = b"%x\r\n" % n_bytes + b"{" * n_bytes
    with socket.create_connection(address_of(live.url)) as connection:
        connection.sendall(head("Transfer-Encoding: chunked") + chunk + b"\r\n0\r\nX: ")
        with contextlib.suppress(OSError):
            for _ in range(64):
                connection.sendall(b"x" * (1 << 16))
        status, text = answer_of(connection)
    assert status in (0, 400), text


def test_a_body_of_many_small_chunks_is_read(live: Live) -> None:
    """Their lengths do not count as trailers."""
    with socket.create_connection(address_of(live.url)) as connection:
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in MANY[:20_000])
        connection.sendall(head("Transfer-Encoding: chunked", "Connection: close") + chunks + b"0\r\n\r\n")
        assert b"is not JSON" in answer_of(connection)[1]


@pytest.mark.parametrize("n_pieces", [1, 2, 7, 400])
@pytest.mark.parametrize("name", ["Upgrade", "UpGRADE"])
def test_an_offer_to_upgrade_is_ignored(live: Live, name: str, n_pieces: int) -> None:
    """As Java's client and ``curl --http2`` make it; a body is never taken for another request."""
    offer = ["Connection: close, Upgrade, HTTP2-Settings", f"{name}: h2c", "HTTP2-Settings: AAMAAABkAAQ"]
    body = b"GET /v1/models HTTP/1.1\r\nHost: here\r\n\r\n" if n_pieces > 2 else ROW
    request = head(*offer, f"Content-Length: {len(body)}") + body
    size = -(-len(request) // n_pieces)
    with socket.create_connection(address_of(live.url)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            for begin in range(0, len(request), size):
                connection.sendall(request[begin : begin + size])
                time.sleep(0.2 / n_pieces)
        status, text = answer_of(connection)
    assert text.count(b"HTTP/1.1") <= 1
    assert status in ((200,) if n_pieces == 1 else (0, 200) if body is ROW else (0, 400))


def test_who_reads_no_answers_takes_no_place_and_is_dropped(
    models: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also without a key."""
    monkeypatch.setattr(protocol, "STALL_SECONDS", 1.0)
    key, line = new_key("score")
    with serving_here([str(models[0])], keys=line, max_in_flight=2) as url:
        deaf = [socket.socket() for _ in range(3)]
        for connection in deaf:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)  # full after a few answers
            connection.connect(address_of(url))
            connection.settimeout(0.5)
            with contextlib.suppress(OSError):  # until the service no longer reads, or has dropped it
                for _ in range(20_000):
                    connection.sendall(head("Content-Length: 0"))
            connection.setblocking(False)
        for _ in range(5):
            headers = {"x-api-key": key}
            assert httpx2.post(f"{url}/v1/score", content=ROW, headers=headers, timeout=20).status_code == 200

        def is_dropped(connection: socket.socket) -> bool:
            try:
                return connection.send(b"x") == 0
            except BlockingIOError:
                return False
            except OSError:
                return True

        assert until(lambda: all(is_dropped(connection) for connection in deaf))
        for connection in deaf:
            connection.close()


def test_a_refused_client_that_does_not_read_is_dropped(unread) -> None:
    """After an invalid request the connection is closed, which waits for its client to read the answer."""
    connection, transport, timers = unread
    connection.data_received(b"no request\r\n\r\n")
    assert transport.written.startswith(b"HTTP/1.1 400 ")
    timers.pass_time(protocol.STALL_SECONDS - 1.0)
    assert transport.n_aborts == 0
    timers.pass_time(1.0)
    assert transport.n_aborts == 1


def test_a_refused_client_that_reads_is_not_dropped(unread) -> None:
    """Then the connection ends by itself, and no timer is left."""
    connection, transport, timers = unread
    connection.data_received(b"no request\r\n\r\n")
    connection.connection_lost(None)
    timers.pass_time(10 * protocol.STALL_SECONDS)
    assert transport.n_aborts == 0


def test_a_client_that_does_not_read_the_last_response_is_dropped_once(unread) -> None:
    """However many responses end on a connection that is closed; an open one stays."""
    connection, transport, timers = unread
    connection.on_response_complete()
    timers.pass_time(protocol.HEAD_SECONDS / 2.0)
    assert transport.n_aborts == 0
    transport.close()
    for _ in range(3):
        connection.on_response_complete()
    timers.pass_time(10 * protocol.STALL_SECONDS)
    assert transport.n_aborts == 1
