"""Clients that are slow, greedy, gone or many, on connections to a service with small limits."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.anomaly_vae_pipelines.service.live import (
    MANY,
    ROW,
    Live,
    address_of,
    answer_of,
    head,
    serving,
    until,
)

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
    assert b"had not arrived completely" in text


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
    """Every one of 150 at once, twice over; then the next is answered at once."""

    async def ask(client: httpx2.AsyncClient) -> list[tuple[int, str]]:
        answers = [await client.post("/v1/score", content=MANY) for _ in range(2)]
        return [(answer.status_code, answer.headers.get("retry-after", "")) for answer in answers]

    async def crowd() -> list[list[tuple[int, str]]]:
        limits = httpx2.Limits(max_connections=150)
        async with httpx2.AsyncClient(base_url=live.url, timeout=30, limits=limits) as client:
            return await asyncio.gather(*(ask(client) for _ in range(150)))

    answers = list(itertools.chain.from_iterable(asyncio.run(crowd())))
    assert len(answers) == 300
    assert {status for status, _ in answers} == {200, 503}
    assert all(after.isdecimal() == (status == 503) for status, after in answers)
    with live.client() as client:
        assert client.post("/v1/score", content=ROW).status_code == 200
    assert live.metric(IN_FLIGHT) == 1
