"""ScoreDisplay: the distribution of scores, with the threshold and the calibration scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae.displays import _drawing as drawing
from anomaly_vae.displays._models import are_anomalous, detector_of, finite_values, rows_of
from anomaly_vae.errors import InputError
from anomaly_vae.score_bins import ScoreScale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_KINDS = ("histogram", "density")


class ScoreDisplay:
    """Distribution of the scores of rows, the threshold, and the scores of the calibration rows.

    Parameters
    ----------
    scores : array of shape (n_rows,)
        In nats; higher is more normal.
    offset : float, optional
        The threshold in nats.
    calibration_scores : array of shape (n_calibration,), optional
        Scores of held-out normal rows.
    y : array of shape (n_rows,), optional
        True for anomalous rows; or -1 with 1 for normal rows; or 1 with 0 for normal rows.

    Attributes
    ----------
    figure_, ax_
        The figure and its axes, after ``plot``.
    edges_ : array of shape (n_bins + 1,)
        Edges of the bins in nats, after ``plot``.
    heights_ : dict of arrays of shape (n_bins,)
        What was drawn for each group of rows: its share in each bin, or its density per bin.

    Examples
    --------
    >>> import numpy as np
    >>> from anomaly_vae.displays import ScoreDisplay
    >>> display = ScoreDisplay([-9.0, -1.0, -2.0], offset=-5.0, y=[True, False, False])
    >>> int((display.scores < display.offset).sum())
    1
    """

    figure_: Figure
    ax_: Axes
    edges_: Floats
    heights_: dict[str, Floats]

    def __init__(
        self,
        scores: ArrayLike,
        *,
        offset: float | None = None,
        calibration_scores: ArrayLike | None = None,
        y: ArrayLike | None = None,
    ) -> None:
        self.scores, self.offset = finite_values("scores", scores), offset
        self.calibration_scores = (
            None if calibration_scores is None else finite_values("calibration_scores", calibration_scores)
        )
        self.is_anomalous = None if y is None else are_anomalous(y, len(self.scores))

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: ArrayLike | None = None, *, ax: Axes | None = None, **options: Any
    ) -> Self:
        """Score X with a fitted detector, scorer or Pipeline, and draw; ``options`` are those of ``plot``."""
        detector = detector_of(estimator)
        return cls.from_predictions(
            detector.score_samples(rows_of(estimator, X)),
            y,
            offset=detector.offset_,
            calibration_scores=detector.calibration_scores_,
            ax=ax,
            **options,
        )

    @classmethod
    def from_predictions(
        cls,
        scores: ArrayLike,
        y: ArrayLike | None = None,
        *,
        offset: float | None = None,
        calibration_scores: ArrayLike | None = None,
        ax: Axes | None = None,
        **options: Any,
    ) -> Self:
        """Draw these scores; ``options`` are those of ``plot``."""
        display = cls(scores, offset=offset, calibration_scores=calibration_scores, y=y)
        return display.plot(ax=ax, **options)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        kind: str = "histogram",
        bins: int = 40,
        title: str | None = "Scores of rows",
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.
        kind : {"histogram", "density"}, default="histogram"
            Shares of rows by bin, or smooth densities.
        bins : int, default=40
            Number of bins. If scores are far below the bulk, bins and axis have a logarithmic scale there.
        title : str, optional
            Title of the axes.
        """
        if kind not in _KINDS:
            raise InputError(f"kind must be 'histogram' or 'density', got {kind!r}")
        if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 2:
            raise InputError(f"bins must be a whole number of at least 2, got {bins!r}")
        self.figure_, self.ax_ = drawing.axes_of(ax)
        scale = ScoreScale.of(self._all())
        first, last = scale.forward(_limits(self._all()))
        at = np.linspace(first, last, bins + 1)
        self.edges_ = scale.inverse(at)
        self.heights_ = {
            name: _heights(scale.forward(values), at, kind) for name, values, _ in self._groups()
        }
        if not scale.is_linear:
            self.ax_.set_xscale("function", functions=(scale.forward, scale.inverse))
        self._draw(kind)
        if not scale.is_linear:
            self.ax_.set_xticks(scale.ticks(self.edges_[0], self.edges_[-1]))
            self.ax_.xaxis.set_major_formatter(lambda nats, _: f"{nats:,.0f}".replace("-", "−"))
        self.ax_.set(xlabel="score (nats, higher is more normal)", ylabel="share of rows")
        self.ax_.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g} %")
        drawing.finish(self.ax_, title)
        drawing.legend(self.ax_)
        return self

    def _draw(self, kind: str) -> None:
        for name, values, colour in self._groups():
            label, heights = f"{name} ({len(values):,})", self.heights_[name]
            style = "--" if name == "calibration" else "-"
            if kind == "density":
                self.ax_.plot(self.edges_, heights, color=colour, linestyle=style, label=label)
                self.ax_.fill_between(self.edges_, heights, color=colour, alpha=0.2, linewidth=0)
            else:
                filled = name != "calibration"
                self.ax_.stairs(
                    heights,
                    self.edges_,
                    fill=filled,
                    alpha=0.6 if filled else 1.0,
                    color=colour,
                    linestyle=style,
                    linewidth=1.4,
                    label=label,
                )
        if self.offset is not None:
            self.ax_.axvline(
                self.offset,
                color=self.ax_.xaxis.label.get_color(),
                linestyle=":",
                label=f"threshold ({drawing.score_text(self.offset)} nats)",
            )
        self.ax_.set_ylim(bottom=0)
        self.ax_.set_xlim(self.edges_[0], self.edges_[-1])

    def _groups(self) -> list[tuple[str, Floats, str]]:
        """Name, scores and colour of each group of rows that is not empty."""
        groups = []
        if self.is_anomalous is None:
            groups.append(("rows", self.scores, drawing.NORMAL))
        else:
            groups.append(("normal", self.scores[~self.is_anomalous], drawing.NORMAL))
            groups.append(("anomalous", self.scores[self.is_anomalous], drawing.ANOMALOUS))
        if self.calibration_scores is not None:
            groups.append(("calibration", self.calibration_scores, drawing.NEUTRAL))
        return [group for group in groups if len(group[1])]

    def _all(self) -> Floats:
        parts = [values for _, values, _ in self._groups()]
        return np.concatenate([*parts, [] if self.offset is None else [self.offset]])


def _limits(scores: Floats) -> tuple[float, float]:
    low, high = float(scores.min()), float(scores.max())
    margin = 0.02 * (high - low) or max(abs(high), 1.0) * 0.1
    return low - margin, high + margin


def _heights(values: Floats, at: Floats, kind: str) -> Floats:
    """Share of the values in each bin of the axis; or their Gaussian kernel density at the edges, per bin."""
    if kind == "histogram":
        return np.asarray(np.histogram(values, at)[0] / len(values))
    step = at[1] - at[0]
    quartiles = np.quantile(values, [0.25, 0.75])
    spread = min(float(values.std()), float(quartiles[1] - quartiles[0]) / 1.34) or float(values.std())
    # Silverman 1986, "Density Estimation for Statistics and Data Analysis", eq. 3.31.
    width = max(0.9 * spread * len(values) ** -0.2, step)
    places = np.clip(np.rint((values - at[0]) / step).astype(int), 0, len(at) - 1)
    counts = np.bincount(places, minlength=len(at))
    kernel = np.exp(-0.5 * ((at[:, None] - at[None, :]) / width) ** 2) * step / (width * np.sqrt(2 * np.pi))
    return np.asarray(kernel @ counts / len(values))
