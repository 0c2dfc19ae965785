"""Draw ``docs/images/displays-*.png``, the pictures of the guide to plots, from data that scikit-learn ships.

    python docs/images/draw_displays.py

The tumours are those of the README: 300 benign rows to learn from, 57 other benign and 212 malignant ones to
score. The images are the digits: zeros to learn from, and a six.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_digits

from anomaly_vae import ImageVAEDetector, TabularVAEDetector
from anomaly_vae.displays import (
    ContributionDisplay,
    DriftDisplay,
    HistoryDisplay,
    LatentDisplay,
    ReconstructionDisplay,
    ScoreDisplay,
    ThresholdDisplay,
)

FOLDER = Path(__file__).parent
DPI = 120
_N_COLOURS = 256


def save(name: str, display: object) -> None:
    """Write the figure of a display as a small PNG."""
    path = FOLDER / f"displays-{name}.png"
    display.figure_.savefig(path, dpi=DPI, metadata={"Software": None})  # type: ignore[attr-defined]
    Image.open(path).convert("RGB").quantize(_N_COLOURS).save(path, optimize=True)


def draw() -> None:
    """Draw all displays."""
    tumours = load_breast_cancer(as_frame=True)
    benign, malignant = tumours.data[tumours.target == 1], tumours.data[tumours.target == 0]
    detector = TabularVAEDetector(novelty=True, random_state=0).fit(benign[:300])
    rows = pd.concat([benign[300:], malignant])
    y = np.arange(len(rows)) >= len(benign) - 300
    save("scores", ScoreDisplay.from_estimator(detector, rows, y))
    save("threshold", ThresholdDisplay.from_estimator(detector, benign[300:]))
    save("contributions", ContributionDisplay.from_estimator(detector, malignant, row=0))
    save("row", ReconstructionDisplay.from_estimator(detector, malignant, row=0))
    save("latent", LatentDisplay.from_estimator(detector, rows))
    save("drift", DriftDisplay.from_estimator(detector, malignant))
    save("history", HistoryDisplay.from_estimator(detector))
    digits = load_digits()
    zeros, sixes = (digits.images[digits.target == digit] for digit in (0, 6))
    images = ImageVAEDetector(random_state=0).fit(zeros[:120])
    save("image", ReconstructionDisplay.from_estimator(images, sixes, row=0))


if __name__ == "__main__":
    mpl.use("Agg")
    draw()
