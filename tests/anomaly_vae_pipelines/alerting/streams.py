"""Scored rows for tests, a clock that tests set, and files of rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from anomaly_vae.drift.reference import Reference
from anomaly_vae_pipelines.alerting import Alert, Alerter, load_alerter
from anomaly_vae_pipelines.alerting.times import Clock
from anomaly_vae_pipelines.reasons import Reason
from anomaly_vae_pipelines.records import Rows, ScoredRows

START = 1_700_000_000


@dataclass
class FakeClock:
    """A clock that moves only when a test, or a sleep, sets it."""

    time: float = float(START)
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    @property
    def clock(self) -> Clock:
        return Clock(self.now, self.now, self.sleep)


def scored(
    flags: Sequence[bool],
    *,
    scores: Sequence[float] | None = None,
    p_values: Sequence[float] | None = None,
    start: int = 2,
    source: str = "rows.csv",
    **columns: Sequence[Any],
) -> ScoredRows:
    """Rows that are anomalies where ``flags`` says so, with a reason; lines count from ``start``."""
    n_rows = len(flags)
    anomaly = np.array(flags, dtype=bool)
    amounts = [f"{i}" for i in range(start, start + n_rows)]
    table = {"amount": amounts} | {name: list(cells) for name, cells in columns.items()}
    return ScoredRows(
        Rows(source, tuple(table), pa.table(table), np.arange(start, start + n_rows)),
        np.where(anomaly, -90.0, -5.0) if scores is None else np.array(scores, dtype=float),
        np.where(anomaly, 1e-4, 0.5) if p_values is None else np.array(p_values, dtype=float),
        np.where(anomaly, 40.0, 3.0),
        anomaly,
        {int(i): [Reason("amount", -80.0, f"{i + start}", "20.5")] for i in np.flatnonzero(anomaly)},
    )


def part(batch: ScoredRows, start: int, stop: int) -> ScoredRows:
    """Some of the rows, as a batch of their own."""
    rows, cut = batch.rows, slice(start, stop)
    reasons = {i - start: reason for i, reason in batch.reasons.items() if start <= i < stop}
    return ScoredRows(
        Rows(rows.source, rows.columns, rows.table.slice(start, stop - start), rows.numbers[cut]),
        batch.scores[cut],
        batch.p_values[cut],
        batch.severities[cut],
        batch.is_anomaly[cut],
        reasons,
    )


def parts(batch: ScoredRows, cuts: Sequence[int]) -> Iterator[ScoredRows]:
    """All of the rows, cut at these positions."""
    edges = [0, *sorted(cuts), len(batch.scores)]
    yield from (part(batch, a, b) for a, b in pairwise(edges))


def alerter(
    folder: Path,
    rules: str,
    *,
    sinks: str = "",
    state: str | None = "state.json",
    clock: Clock | None = None,
    environ: dict[str, str] | None = None,
    calibration: Any = None,
    offset: float | None = None,
    calibration_rows: Callable[[], Reference] | None = None,
    ids: Sequence[str] = (),
) -> Alerter:
    """An alerter in a folder; without sinks, alerts go to ``alerts.jsonl``."""
    path = folder / "rules.toml"
    path.write_text(rules + (sinks or f'\n[[sink]]\nkind = "jsonl"\npath = "{folder / "alerts.jsonl"}"\n'))
    return load_alerter(
        path,
        state=folder / state if state else None,
        calibration_scores=calibration,
        offset=offset,
        calibration_rows=calibration_rows,
        environ=environ or {},
        clock=clock or FakeClock().clock,
        ids=ids,
    )


def delivered(folder: Path) -> list[Alert]:
    """Alerts in ``alerts.jsonl``."""
    path = folder / "alerts.jsonl"
    return [Alert.from_json(line) for line in path.read_text().splitlines()] if path.exists() else []
