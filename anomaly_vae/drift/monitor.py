"""DriftMonitor: counts rows as they come, and reports how they differ from those of calibration.

It may be asked after every row: the martingale keeps its rate however often it is looked at. Its memory does
not grow with the number of rows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.drift.coding import MISSING, N_CODES, Codes
from anomaly_vae.drift.reference import Reference, Rows
from anomaly_vae.drift.report import EFFECT, ColumnDrift, DriftReport, difference, holm, shift
from anomaly_vae.drift.watch import Watch, check_rate

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class DriftMonitor:
    """Compares rows with those of calibration.

    Parameters
    ----------
    reference : Reference
    rate : float
        The most that the probability of a false alarm may be, for independent rows: half of it is for the
        martingale, over all rows that will ever come, and half for the tests of one report.

    Raises
    ------
    InputError
        For a rate that is not between 0 and 1.
    """

    def __init__(self, reference: Reference, rate: float) -> None:
        self.reference, self.rate = reference, check_rate(rate)
        self._watch = Watch(reference, rate / 2.0)
        self._calibration = _counts(reference.rows.codes)
        self._counts = np.zeros_like(self._calibration)
        self._shortfalls, self._alerts = np.zeros((2, reference.n_columns + 1))
        self._n_rows = self._n_alerts = 0

    def add(self, rows: Rows) -> None:
        """Count the next rows, as ``drift_rows`` of a detector returns them."""
        self._n_rows += len(rows.codes)
        self._counts += _counts(rows.codes)
        self._shortfalls += len(rows.codes) * rows.shortfalls
        self._alerts += rows.alerts
        self._n_alerts += rows.n_alerts
        self._watch.update(rows.codes)

    def report(self) -> DriftReport:
        """The differences of all rows up to now."""
        latent = self.reference.n_columns
        columns = [self._column(place) for place in range(latent + 2)]
        tested = [place for place, column in enumerate(columns) if column.p_value is not None]
        corrected = holm(np.array([columns[place].p_value for place in tested], dtype=np.float64))
        for place, p_value in zip(tested, corrected.tolist(), strict=True):
            columns[place] = replace(columns[place], p_value=p_value)
        columns = [replace(column, drifted=self._drifted(column)) for column in columns]
        reference = self.reference
        return DriftReport(
            n_rows=self._n_rows,
            n_calibration=reference.n_rows,
            rate=self.rate,
            alert_rate=self._n_alerts / self._n_rows if self._n_rows else None,
            calibration_alert_rate=reference.rows.n_alerts / reference.n_rows,
            since=min((found.since for found in self._watch.found().values()), default=None),
            columns=tuple(columns[: latent + 1]),
            score=columns[-1],
        )

    def _drifted(self, column: ColumnDrift) -> bool:
        by_test = column.p_value is not None and column.p_value <= self.rate / 2.0
        return column.since is not None or (by_test and (column.effect or 0.0) >= EFFECT)

    def _column(self, place: int) -> ColumnDrift:
        reference, found = self.reference, self._watch.found().get(place)
        column = ColumnDrift(name=reference.names[place], kind=reference.kinds[place])
        if found is not None:
            column = replace(column, since=found.since, aspects=found.aspects)
        if place <= reference.n_columns and self._n_rows:
            before = reference.rows
            alerts = self._alerts[place] / self._n_rows - before.alerts[place] / reference.n_rows
            nats = before.shortfalls[place] - self._shortfalls[place] / self._n_rows
            column = replace(column, nats=float(nats), alerts=float(alerts))
        if place == reference.n_columns:
            return column
        return self._compared(column, place if place < reference.n_columns else place + reference.n_columns)

    def _compared(self, column: ColumnDrift, place: int) -> ColumnDrift:
        """The column with what the counts of its codes say."""
        reference, now, before = self.reference, self._counts[place], self._calibration[place]
        numbers = reference.coder.quantiles[place] is not None
        if not numbers and reference.coder.columns[place].kind == "none":
            return column if self._n_rows == 0 else self._missing(column, place)
        found = difference(now, before, "number" if numbers else "category")
        if found is not None:
            column = replace(column, effect=found.effect, p_value=found.p_value)
        if place > reference.n_columns:
            return replace(column, shift=shift(now, before))
        column = replace(column, unseen=self._unseen(place), shift=shift(now, before) if numbers else None)
        return self._missing(column, place)

    def _missing(self, column: ColumnDrift, place: int) -> ColumnDrift:
        """The column with its shares of missing cells, if the model reads them."""
        cells = self.reference.coder.columns[place]
        if not self._n_rows or (cells.flag is None and cells.first is None):
            return column
        now, before = (float(counts[place, MISSING]) for counts in (self._counts, self._calibration))
        return replace(column, missing=now / self._n_rows, calibration_missing=before / self.reference.n_rows)

    def _unseen(self, place: int) -> float | None:
        """Share of unseen categories, or of numbers beyond calibration, where the column is present."""
        counts, coder = self._counts[place], self.reference.coder
        n_present = int(counts[:MISSING].sum())
        quantiles, unseen = coder.quantiles[place], coder.columns[place].unseen_code
        if not n_present or (quantiles is None and unseen is None):
            return None
        codes = [0, quantiles.last] if quantiles is not None else [unseen]
        return float(counts[codes].sum() / n_present)


def _counts(codes: Codes) -> Counts:
    """Rows by code, shape (n_places, N_CODES)."""
    places = np.arange(codes.shape[1]) * N_CODES
    return np.bincount((codes + places).ravel(), minlength=codes.shape[1] * N_CODES).reshape(-1, N_CODES)
