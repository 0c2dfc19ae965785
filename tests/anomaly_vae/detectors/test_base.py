"""VAEDetector: the number of calibration rows, stored names and deprecated names, for tables and images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from anomaly_vae import ImageVAEDetector, InputError, TabularVAEDetector, load, save
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


def test_a_search_over_decisions_is_refused_without_labels() -> None:
    """The ELBO of all values is the same, so that it would return the first; also in a Pipeline."""
    X = np.random.default_rng(0).normal(size=(40, 2))
    labels = ([1] * 9 + [-1]) * 4
    detector = TabularVAEDetector(max_steps=2, random_state=0)
    for name, values in (("contamination", [0.1, 0.2]), ("novelty", [True, False])):
        search = GridSearchCV(detector, {name: values}, cv=2, error_score="raise")
        with pytest.raises(InputError, match=f"the mean ELBO cannot choose '{name}'.* scoring="):
            search.fit(X)
    steps = make_pipeline(detector)
    quiet = GridSearchCV(steps, {"tabularvaedetector__contamination": [0.1, 0.2]}, cv=2)
    with pytest.warns(UserWarning, match="(cannot choose 'contamination'|non-finite)"):
        assert np.isnan(quiet.fit(X).best_score_)
    labelled = GridSearchCV(detector, {"contamination": [0.1, 0.2]}, scoring="balanced_accuracy", cv=2)
    assert np.isfinite(labelled.fit(X, labels).best_score_)


def test_a_chosen_decision_is_only_refused_where_it_was_set(path: Path) -> None:
    """A clone, as of a search over another parameter, and a model file know nothing of set_params."""
    X = np.random.default_rng(0).normal(size=(40, 2))
    chosen = TabularVAEDetector(max_steps=2, random_state=0).set_params(contamination=0.1).fit(X)
    with pytest.raises(InputError, match=r"score_samples\(X\).mean\(\)"):
        chosen.score(X)
    save(chosen, path)
    assert load(path).score(X) == chosen.score_samples(X).mean() == clone(chosen).fit(X).score(X)
