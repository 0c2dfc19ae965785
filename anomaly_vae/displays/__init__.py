"""Displays: pictures of scores, thresholds, reasons, drift, latents and fits, in the manner of scikit-learn.

Each class has ``from_estimator``, which takes a fitted detector, scorer or Pipeline, and
``from_predictions``, which takes what a detector computed. Both draw, with matplotlib (extra ``plot``), and
return the display, whose ``plot`` draws again.
"""

from anomaly_vae.displays.contributions import ContributionDisplay
from anomaly_vae.displays.drift import DriftDisplay
from anomaly_vae.displays.history import HistoryDisplay
from anomaly_vae.displays.latent import LatentDisplay
from anomaly_vae.displays.reconstruction import ReconstructionDisplay
from anomaly_vae.displays.scores import ScoreDisplay
from anomaly_vae.displays.threshold import ThresholdDisplay

__all__ = [
    "ContributionDisplay",
    "DriftDisplay",
    "HistoryDisplay",
    "LatentDisplay",
    "ReconstructionDisplay",
    "ScoreDisplay",
    "ThresholdDisplay",
]
