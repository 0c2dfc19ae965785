"""ThresholdDisplay: the share of rows that raise an alert, for each false-alarm rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae import thresholds
from anomaly_vae.displays import _drawing as drawing
from anomaly_vae.displays._models import detector_of, finite_values, rows_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_N_RATES, _MOST_RATE = 60, 0.5


class ThresholdDisplay:
    """Share of rows below the threshold of each false-alarm rate that the calibration rows can guarantee.

    The band has the shares at both ends of the interval that contains, with 90 % confidence, the quantile of
    normal scores: what the calibration rows leave open. Where the line is above the diagonal there are more
    alerts than normal rows would raise.

    Parameters
    ----------
    scores : array of shape (n_rows,)
        In nats; higher is more normal.
    calibration_scores : array of shape (n_calibration,)
        Scores of held-out normal rows, in any order.
    false_alarm_rate : float, optional
        The rate of the current threshold, to be marked.

    Attributes
    ----------
    rates : array of shape (n_rates,)
        False-alarm rates, ascending, from the least that can be guaranteed to 0.5.
    alerts, low, high : array of shape (n_rates,)
        Share of the rows below the threshold of each rate, and below the ends of its interval.
    figure_, ax_
        The figure and its axes, after ``plot``.

    Examples
    --------
    >>> import numpy as np
    >>> from anomaly_vae.displays import ThresholdDisplay
    >>> display = ThresholdDisplay([-9.0, 0.5], np.linspace(-1, 1, 99))
    >>> float(display.rates[0]), float(display.alerts[0])       # one of the two rows, at a rate of 1 %
    (0.01, 0.5)
    """

    figure_: Figure
    ax_: Axes

    def __init__(
        self, scores: ArrayLike, calibration_scores: ArrayLike, *, false_alarm_rate: float | None = None
    ) -> None:
        self.scores = np.sort(finite_values("scores", scores))
        self.calibration_scores = np.sort(finite_values("calibration_scores", calibration_scores))
        self.false_alarm_rate = false_alarm_rate
        n = len(self.calibration_scores)
        least = thresholds.least_false_alarm_rate(n)
        # Rounded down, so that the last rate is at most 0.5; a single row guarantees that one.
        ranks = np.floor(np.geomspace(least, max(least, _MOST_RATE), _N_RATES) * (n + 1) + 1e-9)
        self.rates: Floats = np.unique(ranks) / (n + 1)
        ends = [thresholds.threshold_interval(self.calibration_scores, rate) for rate in self.rates]
        low, high = np.array(ends).T
        offsets = [thresholds.false_alarm_offset(self.calibration_scores, rate) for rate in self.rates]
        self.alerts, self.low, self.high = map(self._share_below, (np.array(offsets), low, high))

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, ax: Axes | None = None, **options: Any) -> Self:
        """Score X with a fitted detector, scorer or Pipeline, and draw; ``options`` are those of ``plot``."""
        detector = detector_of(estimator)
        return cls.from_predictions(
            detector.score_samples(rows_of(estimator, X)),
            detector.calibration_scores_,
            false_alarm_rate=detector.false_alarm_rate_,
            ax=ax,
            **options,
        )

    @classmethod
    def from_predictions(
        cls,
        scores: ArrayLike,
        calibration_scores: ArrayLike,
        *,
        false_alarm_rate: float | None = None,
        ax: Axes | None = None,
        **options: Any,
    ) -> Self:
        """Draw the alerts of these scores; ``options`` are those of ``plot``."""
        display = cls(scores, calibration_scores, false_alarm_rate=false_alarm_rate)
        return display.plot(ax=ax, **options)

    def plot(self, ax: Axes | None = None, *, title: str | None = "Alerts by false-alarm rate") -> Self:
        """Draw, on new axes unless ``ax`` is given."""
        self.figure_, self.ax_ = drawing.axes_of(ax)
        axes, colour = self.ax_, drawing.ANOMALOUS
        axes.fill_between(
            self.rates,
            self.low,
            self.high,
            color=colour,
            alpha=0.22,
            linewidth=0,
            step="post",
            label="90 % interval of the calibration",
        )
        axes.step(
            self.rates,
            self.alerts,
            color=colour,
            where="post",
            label=f"alerts among {len(self.scores):,} rows",
        )
        axes.plot(
            self.rates, self.rates, color=drawing.NEUTRAL, linestyle="--", label="if all rows were normal"
        )
        if self.false_alarm_rate is not None:
            axes.axvline(
                self.false_alarm_rate,
                color=axes.xaxis.label.get_color(),
                linestyle=":",
                label=f"current threshold ({100 * self.false_alarm_rate:.3g} %)",
            )
        axes.set_xscale("log")
        axes.set_xticks(_ticks(self.rates), minor=False)
        axes.minorticks_off()
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda share, _: f"{100 * share:.3g} %")
        axes.set_ylim(0, min(1.02, max(1.08 * float(self.high.max()), 0.05)))
        axes.set(xlabel="false-alarm rate of normal rows", ylabel="rows that raise an alert")
        drawing.finish(axes, title, grid="both")
        drawing.legend(axes)
        return self

    def _share_below(self, offsets: Floats) -> Floats:
        """Share of the rows with scores below each offset."""
        return np.searchsorted(self.scores, offsets, side="left") / len(self.scores)


def _ticks(rates: Floats) -> list[float]:
    """1, 2 and 5 times powers of ten in the range of the rates, or fewer if they are many."""
    for steps in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        ticks = [step * 10.0**k for k in range(-7, 0) for step in steps]
        found = [tick for tick in ticks if rates[0] <= tick <= rates[-1] * 1.001]
        if len(found) <= 7:
            return found
    return found
