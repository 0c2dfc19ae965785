"""Drift by column of the latest rows that a service scored."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from anomaly_vae import TabularVAEDetector
from anomaly_vae_pipelines.records import NumberRows, Rows
from anomaly_vae_pipelines.scoring.adapters import adapter_of
from anomaly_vae_pipelines.service.models import recent_drift
from anomaly_vae_pipelines.service.models.recent_drift import AT_ONCE, EVERY, LEAST, MOST, RecentDrift
from tests.anomaly_vae_pipelines.alerting.streams import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def recent(number_model: TabularVAEDetector, clock: FakeClock) -> RecentDrift:
    return recent_of(number_model, clock.now)


def recent_of(model: TabularVAEDetector, now: Callable[[], float]) -> RecentDrift:
    adapter = adapter_of(model)
    names = adapter.scorer(explain="none").names
    return RecentDrift(
        names, model.drift_reference, lambda rows: adapter.scorer(explain="none", reference=rows), now
    )


def rows_of(frame: pd.DataFrame) -> Rows:
    return Rows("", tuple(frame), pa.table(dict(frame)), np.arange(len(frame)))


def normal(n_rows: int, seed: int = 1, **moved: float) -> Rows:
    """Rows like those of the fit, with some columns moved, and a column that the model does not read."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(n_rows, 3)), columns=["x", "y", "z"])
    frame["z"] = frame["z"].mask(random.random(n_rows) < 0.1)
    for name, distance in moved.items():
        frame[name] += distance
    return rows_of(frame.assign(secret="name"))


def test_a_column_that_moved_is_named_with_its_effect(recent: RecentDrift) -> None:
    """And the others are not."""
    recent.add(normal(300, y=1.5))
    (column,) = recent.columns() or ()
    assert column.name == "y"
    assert (column.effect or 0.0) > 0.4
    assert (column.p_value or 0.0) < 1e-6
    assert (column.shift or 0.0) > 1.0


def test_rows_like_those_of_calibration_do_not_drift(recent: RecentDrift) -> None:
    recent.add(normal(400))
    assert recent.columns() == []


def test_few_rows_are_not_compared(recent: RecentDrift) -> None:
    recent.add(normal(LEAST - 1, y=9.0))
    assert (recent.columns(), recent.n_rows) == (None, LEAST - 1)
    recent.add(normal(1, y=9.0))
    assert recent.columns()


def test_rows_in_the_formats_of_a_service_are_compared_together(recent: RecentDrift) -> None:
    """A matrix, a table of numbers, and one of texts."""
    matrix = np.random.default_rng(2).normal([0.0, 1.5, 0.0], size=(100, 3))
    recent.add(NumberRows("", (), pa.table({}), np.arange(100), values=matrix))
    recent.add(normal(100, y=1.5))
    rows = normal(100, 3, y=1.5)
    texts = pa.table([each.cast(pa.string()) for each in rows.table], rows.columns)
    recent.add(Rows("", rows.columns, texts, rows.numbers))
    (column,) = recent.columns() or ()
    assert (column.name, recent.n_rows) == ("y", 300)


def test_the_latest_rows_are_kept_not_all_of_one_moment(recent: RecentDrift, clock: FakeClock) -> None:
    """Their number is bounded; a pause makes room, and old rows go."""
    recent.add(normal(50_000, y=3.0))
    assert recent.n_rows == AT_ONCE
    recent.add(normal(50_000, y=3.0))
    assert recent.n_rows == AT_ONCE
    for seed in range(24):
        clock.time += 20.0
        recent.add(normal(1_000, seed))
    assert MOST <= recent.n_rows < MOST + AT_ONCE
    assert recent.columns() == []


def test_of_a_large_batch_rows_of_all_its_parts_are_kept(recent: RecentDrift) -> None:
    """Not its first ones."""
    batch = normal(5_000)
    moved = normal(5_000, y=3.0)
    both = Rows("", batch.columns, pa.concat_tables([batch.table, moved.table]), np.arange(10_000))
    recent.add(both)
    (column,) = recent.columns() or ()
    assert column.effect == pytest.approx(0.45, abs=0.1)


def test_rows_are_compared_again_only_after_a_while(recent: RecentDrift, clock: FakeClock) -> None:
    recent.add(normal(300))
    assert recent.columns() == []
    clock.time += EVERY - 1.0
    recent.add(normal(300, y=4.0))
    assert recent.columns() == []
    clock.time += 1.0
    assert [column.name for column in recent.columns() or ()] == ["y"]


def test_no_other_columns_are_kept(recent: RecentDrift) -> None:
    recent.add(normal(3))
    assert [piece.table.column_names for piece in recent._pieces] == [["x", "y", "z"]]


def test_threads_may_add_and_ask(number_model: TabularVAEDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row counts once."""
    monkeypatch.setattr(recent_drift, "PER_SECOND", 0.0)
    recent = recent_of(number_model, lambda: 0.0)
    recent.add(normal(LEAST))

    def work() -> None:
        for _ in range(20):
            recent.add(normal(2))
            recent.columns()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recent.n_rows == LEAST + 160
