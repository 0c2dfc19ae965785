"""ContributionDisplay: a waterfall from the score of a typical row to that of one row, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from anomaly_vae.displays import _drawing as drawing
from anomaly_vae.displays._models import finite_values, rows_of, table_detector_of
from anomaly_vae.displays._rows import one_row
from anomaly_vae.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class ContributionDisplay:
    """How the columns of one row lower or raise its score, in nats, from that of a typical row.

    Parameters
    ----------
    names : sequence of str
        Names of the contributions: the columns, and ``latent``.
    nats : array of shape (n_contributions,)
        Each contribution less its typical value.
    typical_score : float
        Sum of the typical contributions, in nats; with the sum of ``nats`` it is the score of the row.
    observed, expected : sequence of cells, optional
        The cells of the row, and those that the model expects, for the first of the names.
    offset : float, optional
        The threshold in nats.

    Attributes
    ----------
    score : float
        The score of the row, in nats.
    bars_ : list of (str, float, float)
        Name, start and end of each bar that was drawn, in nats, from the top.
    figure_, ax_
        The figure and its axes, after ``plot``.

    Examples
    --------
    >>> from anomaly_vae.displays import ContributionDisplay
    >>> ContributionDisplay(["length", "latent"], [-12.0, -1.0], typical_score=3.0).score
    -10.0
    """

    bars_: list[tuple[str, float, float]]
    figure_: Figure
    ax_: Axes

    def __init__(
        self,
        names: Sequence[str],
        nats: ArrayLike,
        *,
        typical_score: float,
        observed: Sequence[Any] | None = None,
        expected: Sequence[Any] | None = None,
        offset: float | None = None,
    ) -> None:
        self.names, self.nats = list(map(str, names)), finite_values("nats", nats)
        if len(self.names) != len(self.nats):
            raise InputError(f"{len(self.names)} names, but {len(self.nats)} contributions; give one each")
        self.typical_score, self.offset = float(typical_score), offset
        self.observed = [] if observed is None else list(observed)
        self.expected = [] if expected is None else list(expected)
        if len(self.observed) != len(self.expected):
            raise InputError("observed and expected should have the same number of cells")
        self.score = self.typical_score + float(self.nats.sum())

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, row: int = 0, ax: Axes | None = None, **options: Any
    ) -> Self:
        """Explain one row of X with a fitted detector or scorer of tables, or a Pipeline, and draw.

        ``row`` is its position, from 0; ``options`` are those of ``plot``. Columns are those that the
        detector receives, and expected values are those of ``reconstruct``.
        """
        detector = table_detector_of(estimator, cls.__name__)
        rows, cells = one_row(detector, rows_of(estimator, X), row)
        contributions, typical = detector.score_contributions(rows), detector._typical_contributions()
        _, expected = one_row(detector, detector.reconstruct(rows), 0)
        return cls.from_predictions(
            list(contributions.columns),
            contributions.to_numpy()[0] - typical,
            typical_score=float(typical.sum()),
            observed=cells,
            expected=expected,
            offset=detector.offset_,
            ax=ax,
            **options,
        )

    @classmethod
    def from_predictions(
        cls,
        names: Sequence[str],
        nats: ArrayLike,
        *,
        typical_score: float,
        observed: Sequence[Any] | None = None,
        expected: Sequence[Any] | None = None,
        offset: float | None = None,
        ax: Axes | None = None,
        **options: Any,
    ) -> Self:
        """Draw these contributions; ``options`` are those of ``plot``."""
        display = cls(
            names, nats, typical_score=typical_score, observed=observed, expected=expected, offset=offset
        )
        return display.plot(ax=ax, **options)

    def plot(
        self, ax: Axes | None = None, *, n_columns: int = 8, title: str | None = "Contributions to the score"
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.
        n_columns : int, default=8
            Number of columns with a bar of their own, those with the largest contributions; the others
            share one bar.
        title : str, optional
            Title of the axes.
        """
        if isinstance(n_columns, bool) or not isinstance(n_columns, int | np.integer) or n_columns < 1:
            raise InputError(f"n_columns must be a whole number of at least 1, got {n_columns!r}")
        shown = np.argsort(-np.abs(self.nats), kind="stable")[:n_columns]
        steps = [(self.names[j], self._cells(int(j)), float(self.nats[j])) for j in shown]
        if len(shown) < len(self.nats):
            rest = np.delete(self.nats, shown)
            steps.append((f"{len(rest)} others", "", float(rest.sum())))
        ends = self.typical_score + np.cumsum([nats for *_, nats in steps])
        starts = np.concatenate([[self.typical_score], ends[:-1]])
        names = [name for name, _, _ in steps]
        self.bars_ = list(zip(names, starts.tolist(), ends.tolist(), strict=True))
        self.figure_, self.ax_ = drawing.axes_of(ax, (6.4, 1.5 + 0.42 * len(steps)))
        self._draw([label for _, label, _ in steps])
        drawing.finish(self.ax_, title, grid="x")
        return self

    def _draw(self, cells: list[str]) -> None:
        axes, n_bars = self.ax_, len(self.bars_)
        low, high = self._limits()
        for place, (_, start, end) in enumerate(self.bars_):
            colour = drawing.ANOMALOUS if end < start else drawing.NORMAL
            axes.barh(place, end - start, left=start, color=colour, height=0.55)
            to_next = [place, min(place + 1, n_bars - 1) + 0.275]
            axes.plot([end, end], to_next, color=drawing.NEUTRAL, linewidth=0.8)
            # Beside the bar, on the side that has more space.
            left = min(start, end) - low > high - max(start, end)
            at, shift = (min(start, end), -4) if left else (max(start, end), 4)
            axes.annotate(
                drawing.nats_text(end - start),
                (at, place),
                (shift, 0),
                textcoords="offset points",
                va="center",
                ha="right" if left else "left",
                fontsize="small",
            )
        labels = [
            f"{drawing.short(name)}\n{text}" if text else drawing.short(name)
            for (name, *_), text in zip(self.bars_, cells, strict=True)
        ]
        axes.set_yticks(range(n_bars), labels, fontsize="small")
        axes.tick_params(axis="y", length=0)
        axes.set(xlim=(low, high), ylim=(n_bars - 0.4, -0.6))
        texts = [
            "score (nats)",
            f"typical {drawing.score_text(self.typical_score)}, this row {drawing.score_text(self.score)}",
        ]
        if self.offset is not None:
            axes.axvline(self.offset, color=axes.xaxis.label.get_color(), linestyle=":")
            texts.append(f"threshold {drawing.score_text(self.offset)} (dotted)")
        axes.set_xlabel("\n".join(texts))
        axes.xaxis.set_major_locator(drawing.few_ticks())
        axes.xaxis.set_major_formatter(lambda nats, _: f"{nats:,.4g}".replace("-", "−"))

    def _limits(self) -> tuple[float, float]:
        """Limits in nats, with space for the texts beside the bars."""
        ends = [end for _, *span in self.bars_ for end in span]
        ends += [] if self.offset is None else [self.offset]
        margin = 0.16 * (max(ends) - min(ends)) or 1.0
        return min(ends) - margin, max(ends) + margin

    def _cells(self, j: int) -> str:
        """Observed and expected value of a column, as text."""
        if j >= len(self.observed):
            return ""
        observed, expected = drawing.value_text(self.observed[j]), drawing.value_text(self.expected[j])
        return f"{observed}, expected {expected}"
