"""Bodies are limited one by one and together, by what is received."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Receive, Scope, Send

from anomaly_vae_pipelines.service.errors import BusyError, TooLargeError
from anomaly_vae_pipelines.service.http.middleware.body_limits import body_limits
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
