"""in_background: a call on a thread that the exit of the process does not wait for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def in_background(call: Callable[[], Result], name: str) -> Future[Result]:
    """The result of a call on a daemon thread of this name; it cannot be cancelled.

    >>> in_background(lambda: 6 * 7, "answer").result(timeout=5.0)
    42
    """
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name=name, daemon=True).start()
    return future
