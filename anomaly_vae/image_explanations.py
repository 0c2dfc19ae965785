"""ImageExplanations: decisions about images, heat maps, and the places that explain them.

The estimator and the scorer of a model file share it, so it imports neither torch nor scikit-learn.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae.decisions import Decisions, Floats, finite
from anomaly_vae.pixels.complexity import complexities
from anomaly_vae.runtime.blocks import blocks
from anomaly_vae.runtime.images import ImageRuntime

Images = NDArray[Any]

_MAX_MAP_PIXELS = 2**24
"""Most pixels of maps in memory at the same time: maps of many large images take 64 bits per pixel."""

_LEAST_COST = 0.05
"""Least cost in nats of a reason that ``explain`` names."""
_REACH = 8
"""Pixels around a hot pixel that belong to its neighbourhood."""


class ImageExplanations(Decisions):
    """Decisions from the scores of a model of images, and contributions of the pixels to them."""

    score_type: str
    complexity: bool

    model_: ImageRuntime
    image_size_: tuple[int, int]
    channels_: int
    pixel_range_: tuple[float, float]
    flattened_: bool
    has_channels_: bool
    typical_heat_: Floats
    typical_contributions_: Floats
    heatmap_threshold_: float

    def score_contributions(self, X: ArrayLike) -> Floats:
        """Contribution of each pixel, and of a last term, to the score in nats, (n_images, n_pixels + 1).

        Pixels are in row order; each row sums to ``score_samples``. With ``score_type="elbo"`` a pixel has
        its reconstruction term, and the last column is the latent term (plus the complexity, if that is
        added). With ``score_type="local"`` the score is divided between the local deviations and the shape
        by the weights of their p-values in the harmonic mean. The last column is the contribution of the
        shape. The local contribution is divided among the pixels in proportion to the square of their heat
        above ``typical_heat_``.
        """
        self._check_is_fitted()
        return finite(self._contributions(self._checked(X)))

    def heatmap(self, X: ArrayLike) -> Floats:
        """How badly the model explains each pixel, in nats, (n_images, height, width); higher is worse.

        The sum over scales of log(1 + error / typical error): up to constants, a heavy-tailed negative log
        likelihood of the pixel's neighbourhood. Heat is comparable between images; see
        ``heatmap_threshold_``.
        """
        self._check_is_fitted()
        return finite(self.model_.heat(self._checked(X)))

    def explain(self, X: ArrayLike, n_columns: int = 3) -> list[list[tuple[str, float]]]:
        """What lowers the score of each image most: (name, nats below the typical contribution), worst first.

        A name is the position of a hot pixel such as "y=40 x=112", which includes its neighbourhood, or
        "shape" ("latent" for an ELBO). At most ``n_columns`` per image; negligible costs are left out.
        """
        explained = self.explain_shares(X, n_columns)
        return [[(name, nats) for name, nats, _ in reasons] for reasons in explained]

    def explain_shares(self, X: ArrayLike, n_columns: int = 3) -> list[list[tuple[str, float, float]]]:
        """``explain`` with the share of each reason in the shortfall, from 0 to 1: (name, nats, share).

        The shortfall of an image is the sum over all pixels that are below their typical contribution, and
        the last term if it is.
        """
        self._check_is_fitted()
        images = self._checked(X)
        rest = "shape" if self.score_type == "local" else "latent"
        explained = []
        for rows in blocks(len(images), self._n_maps(64)):
            some = images[rows]
            heat = self.model_.heat(some)
            costs = self._contributions(some, heat) - self.typical_contributions_
            beyond = heat - self.typical_heat_
            explained += [_worst(*one, n_columns, rest) for one in zip(costs, beyond, strict=True)]
        return explained

    def elbo(self, X: ArrayLike) -> Floats:
        """Lower bound on the log density of each image in its own brightness units, (n_images,), in nats.

        Divided by ``-n_features_in_ * log(2)`` it is bits per dimension.
        """
        self._check_is_fitted()
        images = self._checked(X)
        return finite(self.model_.totals(images, "elbo") + self.model_.jacobian(images))

    def _score_samples(self, X: Images) -> Floats:
        scores = self.model_.totals(X, self.score_type)
        return scores + complexities(X, self.pixel_range_) if self.complexity else scores

    def _contributions(self, X: Images, heat: Floats | None = None) -> Floats:
        contributions = self.model_.contributions(X, self.score_type, self.typical_heat_, heat)
        if self.complexity:
            contributions[:, -1] += complexities(X, self.pixel_range_)
        return contributions

    def _n_maps(self, most: int) -> int:
        """Number of images whose maps are in memory at the same time."""
        return int(np.clip(_MAX_MAP_PIXELS // math.prod(self.image_size_), 1, most))

    def _like_training(self, rows: Floats) -> Images:
        """Images in the form given to ``fit``: flattened, or without an axis of channels."""
        if self.flattened_:
            return rows.reshape(len(rows), -1)
        return rows[..., 0] if self.channels_ == 1 and not self.has_channels_ else rows

    def _input_metadata(self) -> dict[str, Any]:
        size, pixel_range = list(self.image_size_), list(self.pixel_range_)
        return {"schema": [], "image": {"size": size, "channels": self.channels_, "pixel_range": pixel_range}}


def _worst(costs: Floats, beyond: Floats, n_reasons: int, rest: str) -> list[tuple[str, float, float]]:
    """The hottest positions with the cost of their neighbourhoods, and the last term, each with its share."""
    shortfall = float(np.minimum(costs, 0.0).sum())
    pixels, beyond = costs[:-1].reshape(beyond.shape), beyond.copy()
    found = [(rest, float(costs[-1]))]
    for _ in range(n_reasons):
        y, x = (int(axis) for axis in np.unravel_index(beyond.argmax(), beyond.shape))
        around = np.s_[max(y - _REACH, 0) : y + _REACH + 1, max(x - _REACH, 0) : x + _REACH + 1]
        found.append((f"y={y} x={x}", float(pixels[around][beyond[around] > 0.0].sum())))
        beyond[around] = 0.0
    worth_naming = [(name, cost, cost / shortfall) for name, cost in found if cost < -_LEAST_COST]
    return sorted(worth_naming, key=lambda reason: reason[1])[:n_reasons]
