"""A request that takes too long: its client was too slow, or the service was."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from anomaly_vae_pipelines.service.errors import BusyError, SlowClientError
from anomaly_vae_pipelines.service.http.middleware.time_limit import time_limit
from tests.anomaly_vae_pipelines.service.http.middleware.asgi import ask, echo


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
