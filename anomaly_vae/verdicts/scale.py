"""Scale: scores and features in units of the calibration rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.states.verdicts import CalibrationRows

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

_LEAST_SPREAD = 1e-6
_QUANTILE = 0.95
"""Calibration rows above this quantile of strangeness are a priori more likely anomalous than not."""

CLIP = 5.0
"""Standardised features are clipped to this."""

_N_PAIRS = 2_000
_MOST_NATS = 1e14
"""Corrections never move a score beyond this; a model file holds no larger scores."""


class Scale:
    """Medians, spreads and distances of calibration rows.

    Parameters
    ----------
    calibration : CalibrationRows

    Attributes
    ----------
    middle, spread : float
        Median of the scores, and its distance from the 16 % quantile, in nats.
    center, inverse : array of shape (n_features,)
        Means of the features, and the inverses of their standard deviations; 0 for a constant feature.
    n_varying : int
        Number of features that are not constant, at least 1.
    width : float
        Squared distance of rows that are alike: half of the median of pairs of rows, in standardised
        features.
    start : float
        Strangeness at which a row is as likely anomalous as not, before any verdict.
    most : float
        Strangeness of the lowest score that a correction may give.
    """

    def __init__(self, calibration: CalibrationRows) -> None:
        self.middle = float(np.median(calibration.scores))
        low = float(np.percentile(calibration.scores, 16))
        self.spread = max(self.middle - low, _LEAST_SPREAD)
        self.center = calibration.features.mean(axis=0, dtype=np.float64)
        deviations = calibration.features.std(axis=0, dtype=np.float64)
        varies = deviations > 1e-9
        self.inverse = np.where(varies, 1.0 / np.where(varies, deviations, 1.0), 0.0)
        self.n_varying = max(int(varies.sum()), 1)
        self.width = self._width(calibration.features)
        self.start = float(np.quantile(self.strangeness(calibration.scores), _QUANTILE))
        self.most = float(np.arcsinh(_MOST_NATS / self.spread))

    def strangeness(self, scores: Floats) -> Floats:
        """How far scores are below the median: linear near it, logarithmic far away."""
        return np.asarray(np.arcsinh((self.middle - scores) / self.spread))

    def standardised(self, features: Singles) -> Singles:
        """The features in standard deviations from their means, from -5 to 5, single precision."""
        values = (features - self.center) * self.inverse
        return np.asarray(np.clip(values, -CLIP, CLIP), dtype=np.float32)

    def _width(self, features: Singles) -> float:
        random = np.random.RandomState(0)
        first, second = random.randint(len(features), size=(2, _N_PAIRS))
        differences = self.standardised(features[first]) - self.standardised(features[second])
        distances = np.square(differences, dtype=np.float64).sum(axis=1)
        return float(np.median(distances[distances > 0])) / 2.0 if distances.any() else 1.0
