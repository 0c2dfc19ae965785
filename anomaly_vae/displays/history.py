"""HistoryDisplay: the ELBO over the steps of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae.displays import _drawing as drawing
from anomaly_vae.displays._models import detector_of, finite_values
from anomaly_vae.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = {
    "elbo_train": ("training rows", drawing.NORMAL, "-"),
    "elbo_validation": ("held-out rows", drawing.ANOMALOUS, "--"),
}


class HistoryDisplay:
    """The ELBO in nats per row over the training steps: flat at its end if the fit had enough steps.

    Parameters
    ----------
    history : mapping of arrays of shape (n_checks,)
        ``step``, ``elbo_train``, and ``elbo_validation`` if rows were held out, as in ``history_``.

    Attributes
    ----------
    figure_, ax_
        The figure and its axes, after ``plot``.

    Examples
    --------
    >>> from anomaly_vae.displays import HistoryDisplay
    >>> display = HistoryDisplay({"step": [10, 20], "elbo_train": [-30.0, -12.0]})
    >>> display.history["elbo_train"].tolist()
    [-30.0, -12.0]
    """

    figure_: Figure
    ax_: Axes

    def __init__(self, history: Mapping[str, ArrayLike]) -> None:
        names = [name for name in ("step", *_LINES) if name in history]
        if names[:2] != ["step", "elbo_train"]:
            raise InputError(f"a history has 'step' and 'elbo_train', got {', '.join(history) or 'none'}")
        self.history: dict[str, NDArray[np.float64]] = {
            name: finite_values(name, history[name]) for name in names
        }
        if len({len(values) for values in self.history.values()}) > 1:
            raise InputError("the arrays of a history should have the same length")

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Axes | None = None, **options: Any) -> Self:
        """Draw ``history_`` of a fitted detector, scorer or Pipeline."""
        return cls.from_predictions(detector_of(estimator).history_, ax=ax, **options)

    @classmethod
    def from_predictions(
        cls, history: Mapping[str, ArrayLike], *, ax: Axes | None = None, **options: Any
    ) -> Self:
        """Draw a history; ``options`` are those of ``plot``."""
        return cls(history).plot(ax=ax, **options)

    def plot(self, ax: Axes | None = None, *, title: str | None = "ELBO during the fit") -> Self:
        """Draw, on new axes unless ``ax`` is given."""
        self.figure_, self.ax_ = drawing.axes_of(ax)
        steps = self.history["step"]
        highest = max(float(self.history[name][-1]) for name in _LINES if name in self.history)
        for name, (label, colour, style) in _LINES.items():
            if name in self.history:
                values = self.history[name]
                self.ax_.plot(steps, values, style, color=colour, label=label)
                self.ax_.plot(steps[-1], values[-1], "o", color=colour, markersize=5)
                above = len(self.history) > 2 and values[-1] == highest
                self.ax_.annotate(
                    drawing.score_text(float(values[-1])),
                    (steps[-1], values[-1]),
                    (0, 6 if above else -7),
                    textcoords="offset points",
                    ha="right",
                    va="bottom" if above else "top",
                    fontsize="small",
                )
        self.ax_.set(xlabel="step", ylabel="ELBO (nats per row)")
        self.ax_.margins(x=0.03, y=0.12)
        drawing.finish(self.ax_, title)
        if len(self.history) > 2:
            drawing.legend(self.ax_, "lower right")
        return self
