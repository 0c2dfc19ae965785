"""LatentDisplay: its points are codes, or their principal components."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import ImageVAEDetector, InputError, TabularVAEDetector
from anomaly_vae.displays import LatentDisplay
from tests.anomaly_vae.displays.comparing import difference
from tests.anomaly_vae.plates import plates


def test_two_latents_are_drawn_as_they_are() -> None:
    """The most severe last, on top of the others."""
    codes, severity = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), [30.0, 0.0, 99.0]
    display = LatentDisplay.from_predictions(codes, severity)
    assert display.points is display.codes
    (drawn,) = display.ax_.collections
    assert np.asarray(drawn.get_offsets()).tolist() == codes[[1, 0, 2]].tolist()


def test_components_keep_distances_of_codes_in_a_plane() -> None:
    """They are a rotation, with the larger variance first."""
    random = np.random.default_rng(0)
    codes = random.normal(size=(50, 2)) * [5, 1] @ np.linalg.qr(random.normal(size=(6, 6)))[0][:2]
    display = LatentDisplay(codes, np.zeros(50))
    assert np.linalg.norm(display.points[3] - display.points[8]) == pytest.approx(
        np.linalg.norm(codes[3] - codes[8])
    )
    assert display.explained is not None
    assert sum(display.explained) == pytest.approx(1.0)
    assert display.points.std(axis=0)[0] > display.points.std(axis=0)[1]


@pytest.mark.parametrize("shape", [(4, 1), (1, 3), (1, 1)])
def test_few_latents_and_rows_can_be_drawn(shape: tuple[int, int]) -> None:
    """One latent on a line, one row as a point."""
    display = LatentDisplay.from_predictions(np.ones(shape), np.zeros(shape[0]))
    display.figure_.canvas.draw()
    assert display.points.shape == (shape[0], 2)
    assert np.isfinite(display.points).all()


def test_a_model_gives_its_codes_and_severities(
    fitted: TabularVAEDetector, fresh: pd.DataFrame, image_detector: ImageVAEDetector
) -> None:
    """Of rows and of images."""
    for detector, X in ((fitted, fresh), (image_detector, plates(6, 1))):
        display = LatentDisplay.from_estimator(detector, X)
        assert display.codes.tolist() == detector.encode(X).tolist()
        assert display.severity.tolist() == detector.severity(X).tolist()


def test_each_code_has_a_severity() -> None:
    """Another number of them is an error."""
    with pytest.raises(InputError, match="2 codes, but 1 severities"):
        LatentDisplay([[1.0], [2.0]], [0.0])


def test_it_looks_as_it_did(tmp_path: Path) -> None:
    """The baseline."""
    random = np.random.default_rng(0)
    codes = random.normal(size=(200, 2))
    display = LatentDisplay.from_predictions(codes, 12 * np.linalg.norm(codes, axis=1) ** 1.5)
    assert difference(display.figure_, "latent", tmp_path) is None
