"""Bodies are limited one by one and together, requests by their number and by time; pages are exempt."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from anomaly_vae_pipelines.service.errors import BusyError, SlowClientError, TooLargeError
from anomaly_vae_pipelines.service.http.middleware.limits import body_limits, concurrency_limit, time_limit
from anomaly_vae_pipelines.service.models.metrics import Metrics
from anomaly_vae_pipelines.service.models.registry import Registry
from anomaly_vae_pipelines.service.settings import Settings
from tests.anomaly_vae_pipelines.service.http.middleware.asgi import ask, deaf, echo, scope_of, send_to


def test_a_body_of_the_limit_passes_and_one_byte_more_does_not() -> None:
    app = body_limits(echo, 4, 100)
    assert ask(app, b"ab", b"cd").body == b"abcd"
    with pytest.raises(TooLargeError, match="4 bytes"):
        ask(app, b"ab", b"cd", b"e")


def test_a_body_is_refused_by_its_announced_length_before_it_is_read() -> None:
    with pytest.raises(TooLargeError):
        ask(body_limits(deaf, 4, 100), headers={"content-length": "5"})


@pytest.mark.parametrize("length", ["-1", "five", "5.0", ""])
def test_a_length_that_is_not_a_number_is_not_trusted(length: str) -> None:
    with pytest.raises(TooLargeError):
        ask(body_limits(echo, 4, 100), b"abcde", headers={"content-length": length})


def test_a_page_ignores_the_announced_length() -> None:
    assert ask(body_limits(deaf, 4, 100), path="/", headers={"content-length": "5"}).status == 200


def test_all_bodies_together_are_limited_until_their_requests_end() -> None:
    async def run() -> None:
        may_end = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            await may_end.wait()
            await deaf(scope, receive, send)

        app = body_limits(slow, 4, 6)
        first = asyncio.create_task(send_to(app, scope_of(), [b"abcd"]))
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await send_to(app, scope_of(), [b"abc"])
        may_end.set()
        assert (await first).status == 200
        assert (await send_to(app, scope_of(), [b"abcd"])).status == 200

    asyncio.run(run())


def n_in_flight(metrics: Metrics) -> float:
    lines = metrics.page().decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("anomaly_vae_requests_in_flight")))


def test_one_more_request_than_the_limit_is_refused_until_another_ends() -> None:
    metrics = Metrics(Registry(Settings()))

    async def run() -> None:
        may_end = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await may_end.wait()
            await deaf(scope, receive, send)

        app = concurrency_limit(slow, 2, metrics)
        tasks = [asyncio.create_task(send_to(app, scope_of())) for _ in range(2)]
        await asyncio.sleep(0)
        assert n_in_flight(metrics) == 2
        with pytest.raises(BusyError):
            await send_to(app, scope_of())
        health = asyncio.create_task(send_to(app, scope_of("/v2/health/live")))
        may_end.set()
        assert {answer.status for answer in await asyncio.gather(*tasks, health)} == {200}
        assert (await send_to(app, scope_of())).status == 200

    asyncio.run(run())
    assert n_in_flight(metrics) == 0


def test_a_request_that_fails_is_no_longer_in_flight() -> None:
    metrics = Metrics(Registry(Settings()))

    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("x")

    app = concurrency_limit(failing, 1, metrics)
    for _ in range(3):
        with pytest.raises(KeyError):
            asyncio.run(send_to(app, scope_of()))
    assert n_in_flight(metrics) == 0


async def stuck_before_the_body(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(60)


async def stuck_after_the_body(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await asyncio.sleep(60)


def test_a_body_that_does_not_arrive_in_time_is_the_fault_of_the_client() -> None:
    with pytest.raises(SlowClientError, match=r"0\.01 s"):
        ask(time_limit(stuck_before_the_body, 0.01))


def test_a_response_that_is_not_ready_in_time_is_the_fault_of_the_service() -> None:
    with pytest.raises(BusyError, match=r"0\.01 s"):
        ask(time_limit(stuck_after_the_body, 0.01))


def test_a_request_within_its_time_passes() -> None:
    assert ask(time_limit(echo, 10.0), b"ab").body == b"ab"
