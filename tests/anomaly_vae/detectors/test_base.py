"""VAEDetector: the number of calibration rows, stored names and deprecated names, for tables and images."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae import ImageVAEDetector, InputError, TabularVAEDetector
from anomaly_vae.detectors._base import VAEDetector

RANDOM = np.random.default_rng(0)
TABLE = RANDOM.normal(size=(60, 3))
PICTURES = RANDOM.uniform(size=(30, 12, 12))


@pytest.fixture(scope="module", params=["table", "images"])
def case(request: pytest.FixtureRequest) -> tuple[VAEDetector, np.ndarray]:
    """A fitted detector and its training rows."""
    if request.param == "table":
        return TabularVAEDetector(max_steps=5, random_state=0).fit(TABLE), TABLE
    return ImageVAEDetector(max_steps=5, random_state=0).fit(PICTURES), PICTURES


def test_the_number_of_calibration_rows_is_known_before_a_fit(case: tuple[VAEDetector, np.ndarray]) -> None:
    """An unfitted detector returns the number of scores that a fit keeps."""
    detector, rows = case
    unfitted = type(detector)(max_steps=5, random_state=0)
    assert unfitted.n_calibration(len(rows)) == len(detector.calibration_scores_)


@pytest.mark.parametrize("kind", [TabularVAEDetector, ImageVAEDetector])
def test_n_calibration_checks_parameters_and_rows(kind: type[VAEDetector]) -> None:
    """A parameter out of range and a table that is too short are errors that name them."""
    with pytest.raises(ValueError, match="validation_fraction"):
        kind(validation_fraction=2.0).n_calibration(100)
    with pytest.raises(ValueError, match="hidden_sizes"):
        kind(hidden_sizes=(0,)).n_calibration(100)
    with pytest.raises(InputError, match="n_rows must be at least 2, got 1"):
        kind().n_calibration(1)


def test_deprecated_names_give_the_same_values(case: tuple[VAEDetector, np.ndarray]) -> None:
    """``score_parts`` and ``typical_parts_`` warn, and return what the new names return."""
    detector, rows = case
    with pytest.warns(FutureWarning, match="score_parts is deprecated; use score_contributions"):
        old = detector.score_parts(rows)
    np.testing.assert_array_equal(old, detector.score_contributions(rows))
    with pytest.warns(FutureWarning, match="typical_parts_ is deprecated; use typical_contributions_"):
        typical = detector.typical_parts_
    assert typical is detector.typical_contributions_


def test_a_state_uses_the_first_names_of_attributes(case: tuple[VAEDetector, np.ndarray]) -> None:
    """Model files store ``typical_parts_``, so that earlier releases and earlier files stay readable."""
    detector, rows = case
    state = detector.__getstate__()
    assert "typical_parts_" in state
    assert "typical_contributions_" not in state
    again = type(detector).__new__(type(detector))
    again.__setstate__(state)
    np.testing.assert_array_equal(again.typical_contributions_, detector.typical_contributions_)
    np.testing.assert_array_equal(again.score_samples(rows), detector.score_samples(rows))


def test_a_single_calibration_row_and_early_stopping_can_be_reloaded() -> None:
    """Without a row to validate on, the history has no validation curve, and the state is consistent."""
    detector = TabularVAEDetector(max_steps=5, early_stopping=True, random_state=0).fit(TABLE[:2])
    assert "elbo_validation" not in detector.history_
    again = TabularVAEDetector.__new__(TabularVAEDetector)
    again.__setstate__(detector.__getstate__())
    np.testing.assert_array_equal(again.score_samples(TABLE), detector.score_samples(TABLE))
