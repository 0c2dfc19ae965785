"""ReconstructionDisplay: rows and images beside those that a model expects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from anomaly_vae import ImageVAEDetector, InputError, TabularVAEDetector
from anomaly_vae.displays import ReconstructionDisplay
from tests.anomaly_vae.displays.comparing import difference
from tests.anomaly_vae.plates import plates


def test_a_row_is_drawn_in_standard_deviations(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """Of its numbers; dates and categories have only texts, and the farthest column is at the top."""
    rows = fresh.assign(length=60.0)
    display = ReconstructionDisplay.from_estimator(fitted, rows, row=2, n_columns=3)
    assert display.names is not None
    places = dict(zip(display.names, display.places, strict=True))
    numeric = fitted.model_.encoder.numeric
    z = (60.0 - numeric.center[0]) / numeric.scale[0]
    assert places["length"][0] == pytest.approx(10 + np.log1p(z - 10) if z > 10 else z, rel=1e-5)
    assert np.isnan(places["colour"]).all()
    assert np.isnan(places["when"]).all()
    assert display.shown_[0] == "length"
    assert len(display.shown_) == 3
    points = {line.get_label(): line.get_xdata() for line in display.ax_.get_lines()}
    assert points["observed"][0] == places["length"][0]
    assert points["expected"][0] == places["length"][1]


def test_an_image_is_drawn_with_its_reconstruction_and_heat(image_detector: ImageVAEDetector) -> None:
    """Those of the detector, on three axes."""
    images = plates(3, 1)
    display = ReconstructionDisplay.from_estimator(image_detector, images, row=1)
    assert display.heat == pytest.approx(image_detector.heatmap(images)[1])
    assert (
        display.reconstruction[..., 0]
        if display.reconstruction.ndim == 3
        else display.reconstruction == (pytest.approx(image_detector.reconstruct(images)[1]))
    )
    heat = display.ax_[2].get_images()[0].get_array()
    assert np.asarray(heat) == pytest.approx(display.heat)


def test_an_image_takes_one_axes_or_one_for_each_panel(image_detector: ImageVAEDetector) -> None:
    """Another number is an error."""
    single = Figure().add_subplot()
    display = ReconstructionDisplay.from_estimator(image_detector, plates(1, 1), ax=single)
    assert len(display.ax_) == 3
    assert display.figure_ is single.figure
    three = Figure().subplots(1, 3)
    assert ReconstructionDisplay.from_estimator(image_detector, plates(1, 1), ax=three).ax_[1] is three[1]
    with pytest.raises(InputError, match="3 axes, or one that is divided, got 2"):
        ReconstructionDisplay.from_estimator(image_detector, plates(1, 1), ax=three[:2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["a"]}, "give names and places"),
        ({"names": ["a", "b"], "places": [[0, 1]]}, "2 names need 2 observed"),
    ],
)
def test_inconsistent_parts_are_an_error(options: dict, message: str) -> None:
    """The message has what was wanted."""
    with pytest.raises(InputError, match=message):
        ReconstructionDisplay([1.0], [2.0], **options)


def test_an_image_and_its_heat_have_one_size() -> None:
    """Otherwise they could not be compared."""
    with pytest.raises(InputError, match="should have the same size"):
        ReconstructionDisplay(np.zeros((2, 2)), np.zeros((2, 2)), heat=np.zeros((3, 2)))


def test_a_row_looks_as_it_did(tmp_path: Path) -> None:
    """The baseline, with a category and a missing cell."""
    display = ReconstructionDisplay.from_predictions(
        [31.5, "red", None, 4.0],
        [12.25, "blue", 3.0, 4.1],
        names=["length", "colour", "weight", "count"],
        places=[[4.0, 0.2], [np.nan, np.nan], [np.nan, 0.5], [-1.0, -0.9]],
    )
    assert display.shown_ == ["length", "colour", "weight", "count"]
    assert difference(display.figure_, "row", tmp_path) is None


def test_an_image_looks_as_it_did(tmp_path: Path) -> None:
    """The baseline."""
    image = np.outer(np.linspace(0, 1, 16), np.linspace(1, 0, 16))
    damaged = image.copy()
    damaged[4:6, 3:12] = 0.9
    display = ReconstructionDisplay.from_predictions(damaged, image, heat=20 * np.abs(damaged - image))
    assert difference(display.figure_, "image", tmp_path) is None
