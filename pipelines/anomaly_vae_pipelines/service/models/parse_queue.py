"""Turns: large bodies are read one after the other, on a thread, while the event loop goes on.

Reading JSON keeps the interpreter to itself, so that two at a time would take as long. Whoever has waited
too long for a turn, or has left, is let go before any work is done for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from anomaly_vae_pipelines.service.errors import BusyError

Result = TypeVar("Result")


class Turns:
    """A thread for work that requests do by turns.

    Parameters
    ----------
    max_wait : float
        Seconds that a request may wait for its turn.
    """

    def __init__(self, max_wait: float) -> None:
        self._max_wait = max_wait
        self._turn = asyncio.Semaphore(1)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="read")

    async def take(
        self,
        request: Request,
        work: Callable[[], Result],
        after: Callable[[], Awaitable[None]] | None = None,
    ) -> tuple[Result, float]:
        """What the work gives, once its turn has come, and the seconds that it waited for it.

        Its turn lasts from when the one before has ended, and begins with waiting for ``after``.

        Raises
        ------
        BusyError
            Where that took too long; ClientDisconnect where nobody waits for it.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with self._turn:
            if after is not None:
                await after()
            waited = loop.time() - began
            if waited > self._max_wait:
                raise BusyError
            if await request.is_disconnected():
                raise ClientDisconnect
            return await loop.run_in_executor(self._thread, work), waited

    def close(self) -> None:
        """Let go of the thread."""
        self._thread.shutdown()
