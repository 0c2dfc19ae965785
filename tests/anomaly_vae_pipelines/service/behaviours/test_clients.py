"""Clients that are slow, greedy, gone or many, on connections to a service with small limits."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from anomaly_vae_pipelines.service.http import protocol
from anomaly_vae_pipelines.service.http.keys import new_key
from tests.anomaly_vae_pipelines.service.live import MANY, ROW, Live, serving, serving_here, until

IN_FLIGHT = "anomaly_vae_requests_in_flight"
MIB = 1 << 20


@pytest.fixture(scope="module")
def live(models: list[Path]) -> Iterator[Live]:
    """A service with small limits."""
    limits = {
        "ANOMALY_VAE_MAX_BODY_BYTES": str(MIB),
        "ANOMALY_VAE_REQUEST_TIMEOUT": "1.5",
        "ANOMALY_VAE_MAX_IN_FLIGHT": "50",
    }
    with serving([f"model={models[0]}"], **limits) as live:
        yield live


def head(*fields: str, path: str = "/v1/score") -> bytes:
    """The head of a request."""
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: here", *fields, "", ""]).encode()


def address_of(url: str) -> tuple[str, int]:
    """Host and port of a URL."""
    host, _, port = url.rpartition("/")[2].rpartition(":")
    return host, int(port)


def answer_of(connection: socket.socket) -> tuple[int, bytes]:
    """Status and whole text of an answer after which the service hangs up."""
    connection.settimeout(10)
    text = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(1 << 16):
            text += piece
    return int(text.split(b" ", 2)[1]) if text else 0, text


def memory_of(live: Live) -> float:
    """Most memory that a service ever had, in MB."""
    return int(Path(f"/proc/{live.pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


@pytest.mark.parametrize("is_chunked", [False, True], ids=["by its length", "in chunks"])
def test_a_body_of_a_gigabyte_is_refused_and_not_kept(live: Live, is_chunked: bool) -> None:
    """The answer comes before the body is there, and memory does not grow by it."""
    before = memory_of(live) if sys.platform == "linux" else 0.0
    n_sent, piece = 0, bytes(64 * 1024)
    with socket.create_connection(address_of(live.url)) as connection:
        field = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {1 << 30}"
        connection.sendall(head(field))
        connection.settimeout(5)
        with contextlib.suppress(OSError):
            while n_sent < 1 << 30:
                connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" if is_chunked else piece)
                n_sent += len(piece)
        status, text = answer_of(connection)
    assert status in (0, 413), text  # 0: the system dropped the answer along with the connection
    assert n_sent < 64 * MIB
    assert until(lambda: live.log[-1].get("status") == 413)
    if before:
        assert memory_of(live) < before + 30


def test_a_refusal_of_a_large_body_can_be_read(live: Live) -> None:
    """By a client that waits for it, as curl does with Expect: 100-continue."""
    with socket.create_connection(address_of(live.url)) as connection:
        connection.sendall(head(f"Content-Length: {1 << 30}", "Expect: 100-continue"))
        status, text = answer_of(connection)
    assert status == 413
    assert b"1,048,576 bytes" in text


def test_a_client_that_sends_too_slowly_gets_408(live: Live) -> None:
    """And others do not wait for it."""
    with socket.create_connection(address_of(live.url)) as slow:
        slow.sendall(head("Content-Length: 1000") + b'{"rows"')
        with live.client() as client:
            assert client.post("/v1/score", content=ROW).status_code == 200
        status, text = answer_of(slow)
    assert status == 408
    assert b"had not arrived whole" in text


def test_a_client_that_leaves_leaves_nothing_behind(live: Live) -> None:
    """Before its body is there, and while it is being scored."""
    for sent in (head("Content-Length: 1000") + b"{", head(f"Content-Length: {len(MANY)}") + MANY):
        for _ in range(20):
            with socket.create_connection(address_of(live.url)) as connection:
                connection.sendall(sent)
    assert until(lambda: live.metric(IN_FLIGHT) == 1)  # the one that asks
    assert live.metric("anomaly_vae_rows_waiting") == 0
    with live.client() as client:
        assert client.post("/v1/score", content=ROW).status_code == 200


def test_the_log_tells_of_a_request_by_its_id(live: Live) -> None:
    """One JSON object a line, with what was asked, how long it took and what was found."""
    with live.client() as client:
        answer = client.post("/v1/score", content=MANY, headers={"x-request-id": "order-7"})
        client.post("/v1/score", content=b"{", headers={"x-request-id": "order-8"})
    assert answer.headers["x-request-id"] == "order-7"
    assert until(lambda: live.log[-1].get("request_id") == "order-8")
    (told,) = [line for line in live.log if line.get("request_id") == "order-7"]
    assert told["ms"] > 0
    assert {name: told[name] for name in ("method", "path", "status", "bytes", "model", "rows")} == {
        "method": "POST",
        "path": "/v1/score",
        "status": 200,
        "bytes": len(MANY),
        "model": "model",
        "rows": 1000,
    }
    assert live.log[-1]["status"] == 400
    assert not live.other


def test_a_crowd_is_answered_or_told_to_come_back(live: Live) -> None:
    """Every one of 200 at once, three times over; then the next is answered at once."""

    async def ask(client: httpx2.AsyncClient) -> list[tuple[int, str]]:
        answers = [await client.post("/v1/score", content=MANY) for _ in range(3)]
        return [(answer.status_code, answer.headers.get("retry-after", "")) for answer in answers]

    async def crowd() -> list[list[tuple[int, str]]]:
        limits = httpx2.Limits(max_connections=200)
        async with httpx2.AsyncClient(base_url=live.url, timeout=30, limits=limits) as client:
            return await asyncio.gather(*(ask(client) for _ in range(200)))

    answers = list(itertools.chain.from_iterable(asyncio.run(crowd())))
    assert len(answers) == 600
    assert {status for status, _ in answers} == {200, 503}
    assert all(after.isdecimal() == (status == 503) for status, after in answers)
    with live.client() as client:
        assert client.post("/v1/score", content=ROW).status_code == 200
    assert live.metric(IN_FLIGHT) == 1


def test_a_silent_connection_is_closed(models: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never says what it wants, or says it a letter at a time."""
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


def test_trailers_without_end_are_refused(live: Live) -> None:
    with socket.create_connection(address_of(live.url)) as connection:
        connection.sendall(head("Transfer-Encoding: chunked") + b"1\r\n{\r\n0\r\nX: ")
        with contextlib.suppress(OSError):
            for _ in range(64):
                connection.sendall(b"x" * (1 << 16))
        status, text = answer_of(connection)
    assert status in (0, 400), text
    with socket.create_connection(address_of(live.url)) as connection:
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in MANY[:20_000])
        connection.sendall(head("Transfer-Encoding: chunked", "Connection: close") + chunks + b"0\r\n\r\n")
        assert b"is not JSON" in answer_of(connection)[1]


@pytest.mark.parametrize("n_pieces", [1, 2, 7, 400])
def test_an_offer_to_upgrade_is_not_heard(live: Live, n_pieces: int) -> None:
    """As Java's client and ``curl --http2`` make it; a body is never taken for another request."""
    offer = ["Connection: close, Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ"]
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
        deaf = [socket.create_connection(address_of(url)) for _ in range(3)]
        for connection in deaf:
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                for _ in range(20_000):
                    connection.send(head("Content-Length: 0"))
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
