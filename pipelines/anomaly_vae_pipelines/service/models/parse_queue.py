"""ParseQueue: large bodies are parsed one after the other, on a thread, while the event loop continues.

Parsing JSON holds the interpreter lock, so two bodies at a time would take as long. A request that has waited
too long, or whose client has left, is dropped before any work is done for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from anomaly_vae_pipelines.service.errors import BusyError

Result = TypeVar("Result")


class ParseQueue:
    """A queue of requests for one thread, in which each waits for at most ``max_wait`` seconds."""

    def __init__(self, max_wait: float) -> None:
        self._max_wait = max_wait
        self._free = asyncio.Semaphore(1)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="read")

    async def run(
        self,
        request: Request,
        work: Callable[[], Result],
        after: Callable[[], Awaitable[None]] | None = None,
    ) -> tuple[Result, float]:
        """The result of ``work``, run on the thread, and the seconds that the request waited for it.

        When the requests before it are done, it first waits for ``after``.

        Raises
        ------
        BusyError
            If it waited too long; ClientDisconnect if its client has left.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with self._free:
            if after is not None:
                await after()
            waited = loop.time() - began
            if waited > self._max_wait:
                raise BusyError
            if await request.is_disconnected():
                raise ClientDisconnect
            return await loop.run_in_executor(self._thread, work), waited

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()
