"""No more requests at once than the limit; pages and health are exempt."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from anomaly_vae_pipelines.service.errors import BusyError
from anomaly_vae_pipelines.service.http.middleware.concurrency_limit import concurrency_limit
from anomaly_vae_pipelines.service.models.metrics import Metrics
from anomaly_vae_pipelines.service.models.registry import Registry
from anomaly_vae_pipelines.service.settings import Settings
from tests.anomaly_vae_pipelines.service.http.middleware.asgi import deaf, scope_of, send_to


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
