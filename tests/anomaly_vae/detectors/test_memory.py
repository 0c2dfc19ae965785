"""RowMemory: laws of the sample of a stream."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae.detectors._memory import RowMemory
from anomaly_vae.states.verdicts import Threshold

CAPACITY, BLOCK = 200, 50


def filled(n_blocks: int, parts: int = 1, seed: int = 0) -> RowMemory:
    """A sample of a stream of the numbers 0, 1, ..., which arrived in some parts."""
    stream = np.arange(n_blocks * BLOCK, dtype=float)[:, None]
    memory = RowMemory(seed, Threshold(0.0, None, None))
    for part in np.array_split(stream, parts):
        memory = memory.followed_by(part)
        memory = memory.entered(memory.n_waiting // BLOCK, BLOCK, CAPACITY) if memory.n_waiting else memory
    return memory


def test_all_rows_are_kept_until_the_sample_is_full() -> None:
    """No row is lost or repeated."""
    assert sorted(filled(4).rows[:, 0]) == list(range(CAPACITY))


def test_the_sample_is_bounded_and_holds_rows_of_the_stream_once() -> None:
    """Each row of a full sample is another row of the stream."""
    rows = filled(100).rows[:, 0]
    assert len(np.unique(rows)) == len(rows) == CAPACITY
    assert set(rows) <= set(range(100 * BLOCK))


@pytest.mark.parametrize("parts", [2, 7, 33])
def test_how_the_stream_is_divided_changes_nothing(parts: int) -> None:
    """One call or many give the same sample, in the same order."""
    np.testing.assert_array_equal(filled(40).rows, filled(40, parts).rows)


def test_old_rows_leave_it() -> None:
    """The age of a row is about geometric: its mean is the capacity, and a share of 1/e is older."""
    n_blocks = 60
    ages = np.concatenate([n_blocks * BLOCK - filled(n_blocks, seed=seed).rows[:, 0] for seed in range(20)])
    assert ages.mean() == pytest.approx(CAPACITY, rel=0.08)
    assert (ages > CAPACITY).mean() == pytest.approx(np.exp(-1), abs=0.03)


def test_a_smaller_capacity_shrinks_it() -> None:
    """The rest is a random choice."""
    memory = filled(8).followed_by(np.full((BLOCK, 1), -1.0)).entered(1, BLOCK, 60)
    assert len(memory) == 60
