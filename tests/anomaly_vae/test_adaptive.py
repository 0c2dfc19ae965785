"""The share of alarms of an AdaptiveThreshold is near its rate on any stream."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anomaly_vae import AdaptiveThreshold, InputError

RANDOM = np.random.default_rng(0)
STREAMS = {
    "uniform": RANDOM.random(4000),
    "all zero": np.zeros(4000),
    "all one": np.ones(4000),
    "switching": np.repeat([0.0, 1.0] * 4, 500),
    "drifting": RANDOM.random(4000) ** np.linspace(1, 9, 4000),
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("step", [0.005, 0.1])
def test_the_share_of_alarms_keeps_the_bound(name: str, rate: float, step: float) -> None:
    """At any time, without any assumption about the rows."""
    threshold = AdaptiveThreshold(rate, step=step)
    for batch in np.array_split(STREAMS[name], 40):
        threshold.update(batch)
        assert abs(threshold.n_alarms / threshold.n_rows - rate) <= threshold.bound + 1e-9


@pytest.mark.parametrize("wants_more", [True, False])
def test_an_adversary_who_sees_the_level_cannot_break_the_bound(wants_more: bool) -> None:
    """It drives the share of alarms up, or down, with every row."""
    threshold = AdaptiveThreshold(0.05, step=0.01)
    for _ in range(3000):
        is_above = threshold.n_alarms > 0.05 * threshold.n_rows
        at_level = min(max(threshold.level, 0.0), 1.0)
        threshold.update([at_level if is_above == wants_more else min(1.0, at_level + 1e-6)])
        assert abs(threshold.n_alarms / threshold.n_rows - 0.05) <= threshold.bound + 1e-9


def test_batches_do_not_matter() -> None:
    whole, parts = AdaptiveThreshold(0.1), AdaptiveThreshold(0.1)
    alarms = whole.update(STREAMS["uniform"])
    assert (alarms == np.concatenate([parts.update(p) for p in np.array_split(STREAMS["uniform"], 7)])).all()
    assert (whole.level, whole.n_rows, whole.n_alarms) == (parts.level, parts.n_rows, parts.n_alarms)
    assert whole.n_alarms == alarms.sum() > 0


def test_it_follows_a_change_that_a_fixed_level_does_not() -> None:
    """After p-values became ten times too small, a fixed level flags ten times too many rows."""
    stream = np.concatenate([RANDOM.random(4000), RANDOM.random(12_000) / 10])
    alarms = AdaptiveThreshold(0.02).update(stream)
    assert (stream[-4000:] <= 0.02).mean() > 0.15
    assert alarms[-4000:].mean() == pytest.approx(0.02, abs=0.01)


@pytest.mark.parametrize(
    "p_values", [[np.nan], [1.1], [-0.1], [[0.5]], 0.5, ["a"], [[0.1], [0.2, 0.3]], None, [None], {}]
)
def test_what_is_not_a_p_value_is_refused(p_values: object) -> None:
    threshold = AdaptiveThreshold(0.1)
    assert threshold.bound == 1.0
    with pytest.raises(InputError, match="numbers from 0 to 1"):
        threshold.update(p_values)  # type: ignore[arg-type]
    assert threshold.n_rows == 0


@pytest.mark.parametrize(
    ("rate", "step"),
    [(0.0, 0.1), (1.0, 0.1), (0.1, 0.0), (0.1, np.inf), (np.nan, 0.1), ("0.1", 0.1), (None, 0.1), (0.1, "a")],
)
def test_parameters_out_of_range_are_refused(rate: Any, step: Any) -> None:
    with pytest.raises(InputError, match="must be"):
        AdaptiveThreshold(rate, step=step)
