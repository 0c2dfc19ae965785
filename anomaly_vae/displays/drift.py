"""DriftDisplay: which columns of new rows are no longer like those of calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from anomaly_vae.displays import _drawing as drawing
from anomaly_vae.displays._models import rows_of, table_detector_of
from anomaly_vae.drift import DriftReport
from anomaly_vae.drift.report import EFFECT, ColumnDrift
from anomaly_vae.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N_COLUMNS = 12
"""Columns that are drawn by default."""


class DriftDisplay:
    """The effect of drift per column: the share of rows that would have to be others, from 0 to 1.

    Parameters
    ----------
    report : DriftReport
        As ``drift`` of a detector or a scorer of tables returns it.

    Attributes
    ----------
    columns : list of ColumnDrift
        The columns with an effect, those that drifted first, then by effect; the score is among them.
    figure_, ax_
        The figure and its axes, after ``plot``.

    Examples
    --------
    >>> import numpy as np
    >>> from anomaly_vae import TabularVAEDetector
    >>> from anomaly_vae.displays import DriftDisplay
    >>> X = np.random.default_rng(0).normal(size=(400, 2))
    >>> detector = TabularVAEDetector(max_steps=20, random_state=0).fit(X[:200])
    >>> display = DriftDisplay(detector.drift(X[200:] + [0, 3]))
    >>> display.columns[0].name, display.columns[0].drifted
    ('x1', True)
    """

    figure_: Figure
    ax_: Axes

    def __init__(self, report: DriftReport) -> None:
        if not isinstance(report, DriftReport):
            raise InputError(f"report should be what drift() returned, got {type(report).__name__}")
        self.report = report
        found = [column for column in (*report.columns, report.score) if column.effect is not None]
        self.columns = sorted(found, key=lambda column: (not column.drifted, -_effect(column)))

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike | pd.DataFrame,
        *,
        rate: float = 0.01,
        ax: Axes | None = None,
        **options: Any,
    ) -> Self:
        """Compare rows with those of calibration, and draw.

        Parameters
        ----------
        estimator : TabularVAEDetector, TableScorer or Pipeline
            Fitted.
        X : array or DataFrame of shape (n_rows, n_features)
            Rows in the order in which they arrived.
        rate : float
            As in ``drift``.
        ax : Axes, optional
            Where to draw; new axes by default.
        **options
            As in ``plot``.
        """
        report = table_detector_of(estimator, cls.__name__).drift(rows_of(estimator, X), rate)
        return cls.from_predictions(report, ax=ax, **options)

    @classmethod
    def from_predictions(cls, report: DriftReport, *, ax: Axes | None = None, **options: Any) -> Self:
        """Draw a report; ``options`` are those of ``plot``."""
        return cls(report).plot(ax=ax, **options)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        n_columns: int = N_COLUMNS,
        title: str | None = "Drift by column",
    ) -> Self:
        """Draw the first ``n_columns`` columns, on new axes unless ``ax`` is given."""
        shown = self.columns[:n_columns]
        if not shown:
            raise InputError("no column was compared: the report has no rows")
        self.figure_, self.ax_ = drawing.axes_of(ax, (6.4, 1.4 + 0.28 * len(shown)))
        places, effects = np.arange(len(shown)), [_effect(column) for column in shown]
        colours = [drawing.ANOMALOUS if column.drifted else drawing.NORMAL for column in shown]
        self.ax_.barh(places, effects, color=colours, height=0.7)
        for place, column in zip(places.tolist(), shown, strict=True):
            self.ax_.annotate(
                _text(column),
                (_effect(column), place),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize="small",
            )
        self.ax_.axvline(EFFECT, color=drawing.NEUTRAL, linestyle="--", linewidth=1)
        self.ax_.set_yticks(places, [drawing.short(column.name) for column in shown])
        self.ax_.invert_yaxis()
        self.ax_.set(xlim=(0.0, 1.0), xlabel="effect (0: alike, 1: disjoint; dashed: least for a test)")
        drawing.finish(self.ax_, title, grid="x")
        return self


def _effect(column: ColumnDrift) -> float:
    return column.effect or 0.0


def _text(column: ColumnDrift) -> str:
    """What a bar says besides its length: the shift of a number, and when a change was found."""
    shift = "" if column.shift is None else f"{column.shift:+.1f} sd".replace("-", "−")
    since = "" if column.since is None else f"found after {column.since:,} rows"
    return ", ".join(text for text in (shift, since) if text)
