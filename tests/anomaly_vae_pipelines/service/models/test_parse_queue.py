"""Large bodies are read one after the other, and not before there is room for their rows."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from anomaly_vae_pipelines.service.errors import BusyError
from anomaly_vae_pipelines.service.models.parse_queue import ParseQueue


def request(*, has_left: bool = False) -> Request:
    """A request whose client is there, or has left."""

    async def receive() -> Any:
        if not has_left:
            await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    return Request({"type": "http", "headers": []}, receive)


def test_one_works_at_a_time_in_the_order_in_which_they_came() -> None:
    working: list[str] = []

    def work(name: str) -> str:
        working.append(f"{name} begins")
        time.sleep(0.01)
        working.append(f"{name} ends")
        return name

    async def run() -> list[tuple[str, float]]:
        parse_queue = ParseQueue(5.0)
        try:
            return await asyncio.gather(
                *(parse_queue.run(request(), lambda n=name: work(n)) for name in "abc")
            )
        finally:
            parse_queue.close()

    results = asyncio.run(run())
    assert [name for name, _ in results] == ["a", "b", "c"]
    assert working == [f"{name} {verb}" for name in "abc" for verb in ("begins", "ends")]
    waits = [waited for _, waited in results]
    assert waits == sorted(waits)
    assert waits[2] >= 0.02


def test_who_waits_for_room_too_long_is_let_go_before_any_work() -> None:
    """And so is who stands behind, in the same time."""

    async def run() -> list[Any]:
        parse_queue, room = ParseQueue(0.05), asyncio.Event()
        waiting = [
            asyncio.create_task(parse_queue.run(request(), lambda: pytest.fail("worked"), room.wait))
            for _ in range(3)
        ]
        await asyncio.sleep(0.1)
        room.set()
        try:
            return await asyncio.gather(*waiting, return_exceptions=True)
        finally:
            parse_queue.close()

    assert [type(result) for result in asyncio.run(run())] == [BusyError] * 3


def test_who_has_left_is_not_worked_for() -> None:
    async def run() -> None:
        parse_queue = ParseQueue(5.0)
        try:
            await parse_queue.run(request(has_left=True), lambda: pytest.fail("worked"))
        finally:
            parse_queue.close()

    with pytest.raises(ClientDisconnect):
        asyncio.run(run())
