"""ReconstructionDisplay: a row beside the row that the model expects, or an image with its heat map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae.displays import _drawing as drawing
from anomaly_vae.displays._models import detector_of, finite_values, row_position, rows_of
from anomaly_vae.displays._rows import one_row
from anomaly_vae.errors import InputError
from anomaly_vae.image_explanations import ImageExplanations

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]


class ReconstructionDisplay:
    """What was observed beside what the model expects: the columns of one row, or one image.

    Parameters
    ----------
    observed, expected : sequence of cells, or array of shape (height, width) or (height, width, n_channels)
        A row and its reconstruction, or an image and its reconstruction.
    names : sequence of str, optional
        Names of the columns of a row.
    places : array of shape (n_columns, 2), optional
        Observed and expected value of each column of a row on a common axis, in standard deviations of the
        training rows; NaN where a cell is not a number.
    heat : array of shape (height, width), optional
        Heat of an image in nats.
    brightness : (float, float), optional
        Values of black and white of an image; by default its range.

    Attributes
    ----------
    shown_ : list of str
        Names of the columns that were drawn, from the top.
    figure_, ax_
        The figure and its axes, after ``plot``; of an image an array of two axes, or three with heat.

    Examples
    --------
    >>> from anomaly_vae.displays import ReconstructionDisplay
    >>> display = ReconstructionDisplay([9.0], [5.0], names=["length"], places=[[2.0, 0.1]])
    >>> display.places.shape
    (1, 2)
    """

    shown_: list[str]
    figure_: Figure
    ax_: Any

    def __init__(
        self,
        observed: Any,
        expected: Any,
        *,
        names: Sequence[str] | None = None,
        places: ArrayLike | None = None,
        heat: ArrayLike | None = None,
        brightness: tuple[float, float] | None = None,
    ) -> None:
        if (names is None) != (places is None) or (names is not None and heat is not None):
            raise InputError("give names and places of the columns of a row, or an image")
        self.names = None if names is None else list(map(str, names))
        if self.names is not None:
            self.observed, self.expected = list(observed), list(expected)
            self.places: Floats = np.asarray(places, dtype=np.float64)
            n_columns = len(self.names)
            lengths = {len(self.observed), len(self.expected), n_columns}
            if len(lengths) > 1 or self.places.shape != (n_columns, 2):
                raise InputError(
                    f"{n_columns} names need {n_columns} observed and expected cells and pairs of places"
                )
            return
        self.image, self.reconstruction = (_image(name, array) for name, array in
                                           (("observed", observed), ("expected", expected)))  # fmt: skip
        self.heat = None if heat is None else finite_values("heat", heat, 2)
        self.brightness = brightness or (float(self.image.min()), float(self.image.max()))
        shapes = [self.reconstruction.shape[:2], *([] if self.heat is None else [self.heat.shape])]
        if any(shape != self.image.shape[:2] for shape in shapes):
            raise InputError("an image, its reconstruction and its heat should have the same size")

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, row: int = 0, ax: Any = None, **options: Any) -> Self:
        """Reconstruct the row, or image, at a position of X with a fitted model, and draw.

        The model is a detector, a scorer, or a Pipeline that ends in one; ``options`` are those of ``plot``.
        """
        detector, X = detector_of(estimator), rows_of(estimator, X)
        if isinstance(detector, ImageExplanations):
            return cls(**_parts_of_image(detector, X, row)).plot(ax=ax, **options)
        rows, cells = one_row(detector, X, row)
        reconstructed = detector.reconstruct(rows)
        _, expected = one_row(detector, reconstructed, 0)
        places = np.column_stack([_places(detector, rows), _places(detector, reconstructed)])
        display = cls(cells, expected, names=detector.schema_.names, places=places)
        return display.plot(ax=ax, **options)

    @classmethod
    def from_predictions(
        cls,
        observed: Any,
        expected: Any,
        *,
        names: Sequence[str] | None = None,
        places: ArrayLike | None = None,
        heat: ArrayLike | None = None,
        brightness: tuple[float, float] | None = None,
        ax: Any = None,
        **options: Any,
    ) -> Self:
        """Draw a row or an image beside its reconstruction; ``options`` are those of ``plot``."""
        display = cls(observed, expected, names=names, places=places, heat=heat, brightness=brightness)
        return display.plot(ax=ax, **options)

    def plot(self, ax: Any = None, *, n_columns: int = 10, title: str | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, or array of them, optional
            Where to draw. An image takes two axes, or three with heat, or one that is divided. A new figure
            by default.
        n_columns : int, default=10
            Number of columns of a row to draw, those that differ most from what is expected.
        title : str, optional
            Title of the axes of a row, or of the figure of an image if the figure is new.
        """
        if isinstance(n_columns, bool) or not isinstance(n_columns, int | np.integer) or n_columns < 1:
            raise InputError(f"n_columns must be a whole number of at least 1, got {n_columns!r}")
        if self.names is None:
            self._plot_image(ax, title)
        else:
            self._plot_row(self.names, ax, n_columns, title or "Observed and expected")
        return self

    def _plot_row(self, names: list[str], ax: Axes | None, n_columns: int, title: str) -> None:
        shown = self._farthest(n_columns)
        self.shown_ = [names[j] for j in shown]
        self.figure_, axes = drawing.axes_of(ax, (6.4, 1.4 + 0.36 * len(shown)))
        self.ax_, places, heights = axes, self.places[shown], np.arange(len(shown))
        axes.hlines(heights, places.min(axis=1), places.max(axis=1), color=drawing.NEUTRAL, linewidth=1.5)
        axes.plot(places[:, 1], heights, "o", color=drawing.NORMAL, label="expected")
        axes.plot(places[:, 0], heights, "D", color=drawing.ANOMALOUS, label="observed")
        labels = [f"{drawing.short(names[j])}\n{self._cells(j)}" for j in shown]
        axes.set_yticks(heights, labels, fontsize="small")
        axes.tick_params(axis="y", length=0)
        axes.set(ylim=(len(shown) - 0.5, -0.5), xlabel="standardised value")
        axes.margins(x=0.06)
        if np.isnan(places).all():
            axes.set_xlim(-1, 1)
        drawing.finish(axes, title, grid="x")
        drawing.legend(axes)

    def _farthest(self, n_columns: int) -> list[int]:
        """Positions of the columns that differ most; other cells than numbers after them if they differ."""
        distances = np.abs(self.places[:, 0] - self.places[:, 1])
        differ = [_differ(*cells) for cells in zip(self.observed, self.expected, strict=True)]
        distances = np.where(np.isnan(distances), np.where(differ, 1.0, -1.0), distances)
        order = np.argsort(-distances, kind="stable")
        return [int(j) for j in order[:n_columns]]

    def _cells(self, j: int) -> str:
        observed, expected = drawing.value_text(self.observed[j]), drawing.value_text(self.expected[j])
        return f"{observed}, expected {expected}"

    def _plot_image(self, ax: Any, title: str | None) -> None:
        panels = 2 if self.heat is None else 3
        self.figure_, self.ax_ = _panels(ax, panels)
        low, high = self.brightness
        for axes, image, name in zip(
            self.ax_, (self.image, self.reconstruction), ("observed", "expected"), strict=False
        ):
            axes.imshow(np.clip((image - low) / ((high - low) or 1.0), 0, 1), cmap="gray", vmin=0, vmax=1)
            axes.set_title(name, fontsize="medium")
        if self.heat is not None:
            drawn = self.ax_[2].imshow(self.heat, cmap="inferno", vmin=min(0.0, float(self.heat.min())))
            self.ax_[2].set_title("heat (nats)", fontsize="medium")
            bar = self.figure_.colorbar(drawn, ax=self.ax_[2], fraction=0.046, pad=0.04)
            bar.outline.set_visible(False)
        for axes in self.ax_:
            axes.set_axis_off()
        if title and ax is None:
            self.figure_.suptitle(title, fontsize="medium")


def _places(detector: Any, rows: Any) -> Floats:
    """The value of each column of one row in standard deviations, NaN for those that are not one number."""
    schema = detector.schema_
    cells = detector.model_.encoder.transform(detector._checked(rows))[0]
    places = np.full(len(schema.columns), np.nan)
    for feature in schema.features:
        if feature.kind == "numeric" and schema.columns[feature.owner].kind == "numeric":
            places[feature.owner] = cells[feature.span.start]
    return places


def _parts_of_image(detector: Any, X: Any, row: int) -> dict[str, Any]:
    """Parameters of the display of one image."""
    images = detector._checked(X)
    position = row_position(row, len(images))
    image = images[position : position + 1]
    given = detector._like_training(image)
    expected = np.asarray(detector.reconstruct(given)).reshape(image.shape)
    return {
        "observed": image[0],
        "expected": expected[0],
        "heat": detector.heatmap(given)[0],
        "brightness": detector.pixel_range_,
    }


def _image(name: str, values: Any) -> Floats:
    """An image as (height, width) if it is grey, or (height, width, 3)."""
    array = np.asarray(values, dtype=np.float64)
    image = finite_values(name, array, 3 if array.ndim == 3 else 2)
    if image.ndim == 3 and image.shape[2] != 3:
        image = image.mean(axis=2)
    return image


def _panels(ax: Any, n_panels: int) -> tuple[Figure, NDArray[Any]]:
    """Axes of the panels: the given ones, the one given axes divided, or those of a new figure."""
    pyplot = drawing.import_pyplot()
    if ax is None:
        figure = pyplot.figure(figsize=(2.5 * n_panels, 2.6), layout="constrained")
        return figure, np.asarray(figure.subplots(1, n_panels))
    given = np.ravel(ax)
    if len(given) == n_panels:
        return drawing.figure_of(given[0]), given
    if len(given) != 1:
        raise InputError(f"an image takes {n_panels} axes, or one that is divided, got {len(given)}")
    figure, whole = drawing.figure_of(given[0]), given[0]
    whole.set_axis_off()
    grid = whole.get_subplotspec().subgridspec(1, n_panels)
    return figure, np.array([figure.add_subplot(grid[0, k]) for k in range(n_panels)])


def _differ(observed: Any, expected: Any) -> bool:
    missing = [drawing.value_text(cell) == "missing" for cell in (observed, expected)]
    return missing[0] != missing[1] or (not missing[0] and str(observed) != str(expected))
