"""one_thread: torch on one thread inside, and as it was outside."""

from __future__ import annotations

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


def test_a_function_may_wear_it() -> None:
    """As a decorator it holds for each call."""
    inside = one_thread()(torch.get_num_threads)
    assert [inside(), inside()] == [1, 1]
    assert torch.get_num_threads() == 2
