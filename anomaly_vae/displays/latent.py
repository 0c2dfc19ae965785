"""LatentDisplay: the codes of rows in two dimensions, coloured by severity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from anomaly_vae.displays import _drawing as drawing
from anomaly_vae.displays._models import detector_of, finite_values, rows_of
from anomaly_vae.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_SEVERE = 50.0
"""The severity from which on the colour is the same: one in a hundred thousand normal rows."""


class LatentDisplay:
    """Codes of rows in the latent space; of more than two latents, their first two principal components.

    A row can be anomalous among normal codes: a code says where the row is expected, and the score also how
    far it is from there.

    Parameters
    ----------
    codes : array of shape (n_rows, latent_dim)
        Posterior means, as ``encode`` returns them.
    severity : array of shape (n_rows,)
        From 0 to 100, as ``severity`` returns it.

    Attributes
    ----------
    points : array of shape (n_rows, 2)
        The codes in two dimensions; the second is 0 if there is one latent.
    explained : tuple of float, or None
        Share of the variance of the codes in each dimension, if they are principal components.
    figure_, ax_
        The figure and its axes, after ``plot``.

    Examples
    --------
    >>> from anomaly_vae.displays import LatentDisplay
    >>> LatentDisplay([[0.5, 1.0], [0.2, 3.0]], [0.1, 40.0]).points.shape
    (2, 2)
    """

    figure_: Figure
    ax_: Axes

    def __init__(self, codes: ArrayLike, severity: ArrayLike) -> None:
        self.codes = finite_values("codes", codes, 2)
        self.severity = finite_values("severity", severity)
        if len(self.codes) != len(self.severity):
            raise InputError(f"{len(self.codes)} codes, but {len(self.severity)} severities; give one each")
        self.explained: tuple[float, float] | None = None
        self.points = self.codes
        if self.codes.shape[1] == 1:
            self.points = np.column_stack([self.codes, np.zeros(len(self.codes))])
        elif self.codes.shape[1] > 2:
            self._project()

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, ax: Axes | None = None, **options: Any) -> Self:
        """Encode X with a fitted model or Pipeline, and draw; ``options`` are those of ``plot``."""
        detector, rows = detector_of(estimator), rows_of(estimator, X)
        return cls.from_predictions(detector.encode(rows), detector.severity(rows), ax=ax, **options)

    @classmethod
    def from_predictions(
        cls, codes: ArrayLike, severity: ArrayLike, *, ax: Axes | None = None, **options: Any
    ) -> Self:
        """Draw these codes; ``options`` are those of ``plot``."""
        return cls(codes, severity).plot(ax=ax, **options)

    def plot(self, ax: Axes | None = None, *, title: str | None = "Codes of rows") -> Self:
        """Draw, on new axes unless ``ax`` is given; the most severe rows are on top."""
        self.figure_, self.ax_ = drawing.axes_of(ax)
        from matplotlib.colors import LinearSegmentedColormap

        order = np.argsort(self.severity, kind="stable")
        shown = np.minimum(self.severity[order], _MOST_SEVERE)
        drawn = self.ax_.scatter(
            self.points[order, 0],
            self.points[order, 1],
            c=shown,
            s=14 + 26 * shown / _MOST_SEVERE,
            cmap=LinearSegmentedColormap.from_list("severity", drawing.SEVERITY),
            vmin=0,
            vmax=_MOST_SEVERE,
            alpha=0.85,
            linewidths=0,
        )
        bar = self.figure_.colorbar(drawn, ax=self.ax_, pad=0.02)
        bar.set_label("severity")
        bar.outline.set_visible(False)
        bar.set_ticks([0, 10, 20, 30, 40, 50], labels=["0", "10", "20", "30", "40", "50+"])
        self.ax_.set(xlabel=self._label(0), ylabel=self._label(1))
        drawing.finish(self.ax_, title, grid="both")
        return self

    def _project(self) -> None:
        """Set the first two principal components, with a fixed sign, and their shares of the variance."""
        centred = self.codes - self.codes.mean(axis=0)
        _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
        axes = np.pad(axes, ((0, max(0, 2 - len(axes))), (0, 0)))[:2]
        sizes = np.pad(sizes, (0, 2))
        signs = np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])
        self.points = centred @ (axes.T * np.where(signs == 0, 1.0, signs))
        total = max(float((sizes**2).sum()), np.finfo(np.float64).tiny)
        self.explained = (float(sizes[0] ** 2 / total), float(sizes[1] ** 2 / total))

    def _label(self, k: int) -> str:
        if self.explained is not None:
            return f"component {k + 1} of {self.codes.shape[1]} latents ({100 * self.explained[k]:.0f} %)"
        return f"latent {k + 1}" if k < self.codes.shape[1] else ""
