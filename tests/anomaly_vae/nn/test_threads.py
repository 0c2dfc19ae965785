"""one_thread: torch on one thread inside, and as it was outside."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from anomaly_vae.nn.threads import one_thread


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """Torch on two threads, and after the test on as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_torch_has_one_thread_inside() -> None:
    """Inside, also when nested, torch has one thread; afterwards as many as before."""
    with one_thread():
        assert torch.get_num_threads() == 1
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_threads_come_back_after_an_error() -> None:
    """An error that leaves the block takes nothing with it."""
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert torch.get_num_threads() == 2


def test_threads_of_the_program_do_not_disturb_each_other() -> None:
    """Each thread of a program has one torch thread while it is inside, in whatever order they leave."""
    both_inside, first_left = threading.Barrier(2), threading.Event()
    seen: dict[str, int] = {}

    def first() -> None:
        with one_thread():
            both_inside.wait(10)
        seen["first, outside"] = torch.get_num_threads()
        first_left.set()

    def second() -> None:
        with one_thread():
            both_inside.wait(10)
            first_left.wait(10)
            seen["second, inside"] = torch.get_num_threads()
        seen["second, outside"] = torch.get_num_threads()

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert seen["second, inside"] == 1
    assert torch.get_num_threads() == 2
    assert seen["second, outside"] == 2


def test_a_function_may_wear_it() -> None:
    """As a decorator it holds for each call."""
    inside = one_thread()(torch.get_num_threads)
    assert [inside(), inside()] == [1, 1]
    assert torch.get_num_threads() == 2
