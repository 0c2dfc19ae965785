"""ScoreDisplay: what it draws is the distribution of the scores of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from anomaly_vae import ImageVAEDetector, InputError, TabularVAEDetector
from anomaly_vae.displays import ScoreDisplay
from tests.anomaly_vae.displays.comparing import difference
from tests.anomaly_vae.plates import plates


@pytest.fixture(scope="module")
def drawn_scores() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with a long tail, labels, and calibration scores."""
    random = np.random.default_rng(0)
    normal, bad = -random.gamma(2.0, 4.0, 400), -random.gamma(3.0, 90.0, 60)
    return np.concatenate([normal, bad]), np.arange(460) >= 400, -random.gamma(2.0, 4.0, 300)


def test_the_bars_of_each_group_sum_to_one(drawn_scores: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """And each bar is the share of the group's scores between its edges."""
    scores, y, calibration = drawn_scores
    display = ScoreDisplay.from_predictions(scores, y, offset=-40.0, calibration_scores=calibration)
    assert set(display.heights_) == {"normal", "anomalous", "calibration"}
    for heights in display.heights_.values():
        assert heights.sum() == pytest.approx(1.0)
    low, high = display.edges_[10:12]
    share = ((scores[~y] >= low) & (scores[~y] < high)).mean()
    assert display.heights_["normal"][10] == pytest.approx(share)


def test_a_density_sums_to_one(drawn_scores: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Up to what its kernel has beyond the ends of the axis."""
    scores, _, _ = drawn_scores
    display = ScoreDisplay.from_predictions(scores, kind="density")
    assert display.heights_["rows"].sum() == pytest.approx(1.0, abs=0.05)


def test_the_axis_is_linear_without_a_long_tail() -> None:
    """And has the same distance between edges; with a tail the distance grows toward it."""
    scores = np.random.default_rng(0).normal(size=200)
    widths = np.diff(ScoreDisplay.from_predictions(scores).edges_)
    assert widths == pytest.approx(widths[0])
    widths = np.diff(ScoreDisplay.from_predictions([*scores, -900.0]).edges_)
    assert widths[0] > 5 * widths[30]


def test_a_model_gives_its_scores_and_threshold(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """A detector, a scorer and a Pipeline the same ones; drawn on the axes that are given."""
    axes = Figure().add_subplot()
    display = ScoreDisplay.from_estimator(fitted, fresh, ax=axes)
    assert display.ax_ is axes
    assert display.figure_ is axes.figure
    assert display.scores.tolist() == fitted.score_samples(fresh).tolist()
    assert (display.offset, display.is_anomalous) == (fitted.offset_, None)
    assert display.calibration_scores is fitted.calibration_scores_
    pipeline = make_pipeline(FunctionTransformer(), fitted)
    assert ScoreDisplay.from_estimator(pipeline, fresh).scores.tolist() == display.scores.tolist()


def test_images_are_scored_too(image_detector: ImageVAEDetector) -> None:
    """The scores of images."""
    display = ScoreDisplay.from_estimator(image_detector, plates(5, 1))
    assert display.scores.tolist() == image_detector.score_samples(plates(5, 1)).tolist()


@pytest.mark.parametrize("n", [1, 3])
def test_equal_scores_can_be_drawn(n: int) -> None:
    """As one bar."""
    for kind in ("histogram", "density"):
        display = ScoreDisplay.from_predictions([-3.0] * n, kind=kind)
        assert np.isfinite(display.heights_["rows"]).all()
        display.figure_.canvas.draw()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "bars"}, "kind must be 'histogram' or 'density'"),
        ({"bins": 1}, "bins must be a whole number"),
    ],
)
def test_an_option_that_does_not_exist_is_an_error(options: dict[str, object], message: str) -> None:
    """The message has what can be asked for."""
    with pytest.raises(InputError, match=message):
        ScoreDisplay.from_predictions([1.0, 2.0], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["histogram", "density"])
def test_it_looks_as_it_did(
    kind: str, drawn_scores: tuple[np.ndarray, np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    """The baseline, which the other kind is not."""
    scores, y, calibration = drawn_scores
    display = ScoreDisplay.from_predictions(
        scores, y, offset=-40.0, calibration_scores=calibration, kind=kind
    )
    assert difference(display.figure_, f"scores-{kind}", tmp_path) is None
