"""Counts of the last hour and day."""

from __future__ import annotations

import numpy as np

from anomaly_vae_pipelines.service.models.activity import HOUR, MINUTE, N_STEPS, Activity, total

NOON = 1_800_000_000 // (24 * HOUR) * 24 * HOUR + 12 * HOUR


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = float(NOON)

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_buckets_hold_what_was_scored_in_them_whatever_the_batches() -> None:
    """The counts of any split of the rows into batches are those of all rows."""
    random = np.random.default_rng(0)
    severities = random.uniform(0, 100, 3000)
    found = []
    for size in (1, 7, 3000):
        clock = Clock()
        activity = Activity(clock)
        for begin in range(0, 3000, size):
            clock.now = NOON + begin // 1000 * MINUTE
            part = severities[begin : begin + size]
            if size == 3000:
                for minute in range(3):
                    clock.now = NOON + minute * MINUTE
                    one = part[1000 * minute : 1000 * (minute + 1)]
                    activity.add(one, one > 90)
                continue
            activity.add(part, part > 90)
        found.append((total(activity.hours()), activity.steps(), len(activity.minutes())))
    for day, steps, n_minutes in found:
        assert (day.rows, day.anomalies, n_minutes) == (3000, np.count_nonzero(severities > 90), 3)
        assert np.isclose(day.mean, severities.mean())
        assert day.worst == severities.max()
        assert steps == np.histogram(severities, N_STEPS, (0, 100))[0].tolist()


def test_what_is_too_old_is_forgotten() -> None:
    clock = Clock()
    activity = Activity(clock)
    for _ in range(50 * 60):
        activity.add(np.array([100.0]), np.array([True]))
        clock.now += MINUTE
    assert len(activity.minutes()) <= 60
    assert len(activity.hours()) <= 24
    assert sum(activity.steps()) == total(activity.hours()).rows <= 24 * 60
    clock.now += 30 * HOUR
    assert (activity.minutes(), activity.hours(), sum(activity.steps())) == ([], [], 0)
