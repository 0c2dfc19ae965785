"""The detector of a Pipeline, labels, and checks of inputs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from anomaly_vae import InputError, TabularVAEDetector, load_scorer, save
from anomaly_vae.displays._models import are_anomalous, detector_of, finite_values, row_position, rows_of
from tests.anomaly_vae.keyed import hosts


def test_the_detector_is_the_last_step_and_gets_transformed_rows(
    fitted: TabularVAEDetector, fresh: pd.DataFrame
) -> None:
    """A Pipeline of one step leaves rows as they are."""
    pipeline = make_pipeline(FunctionTransformer(lambda X: X.assign(weight=0.0)), fitted)
    assert detector_of(pipeline) is fitted
    assert (rows_of(pipeline, fresh)["weight"] == 0.0).all()
    assert rows_of(make_pipeline(fitted), fresh) is fresh
    assert rows_of(fitted, fresh) is fresh


def test_a_scorer_is_a_detector(fitted: TabularVAEDetector, tmp_path) -> None:
    """As ``load_scorer`` gives it."""
    save(fitted, tmp_path / "model.avae")
    scorer = load_scorer(tmp_path / "model.avae")
    assert detector_of(scorer) is scorer


def test_what_cannot_be_drawn_is_an_error() -> None:
    """Other estimators, and detectors before ``fit``."""
    with pytest.raises(InputError, match="got IsolationForest"):
        detector_of(make_pipeline(IsolationForest()))
    with pytest.raises(NotFittedError):
        detector_of(TabularVAEDetector())


@pytest.mark.parametrize("y", [[True, False], [-1, 1], [1, 0], [1.0, 0.0]])
def test_labels_of_all_libraries_are_read(y: list[float]) -> None:
    """Booleans, those of scikit-learn, and those of 0 and 1."""
    assert are_anomalous(y, 2).tolist() == [True, False]


def test_only_normal_labels_are_read() -> None:
    """0 is normal; -1 is anomalous."""
    assert not are_anomalous([0, 0], 2).any()
    assert are_anomalous([-1, -1], 2).all()


@pytest.mark.parametrize("y", [[1, 1], [2, 0], ["a", "b"], [np.nan, 1]])
def test_labels_with_no_or_two_meanings_are_an_error(y: list[float]) -> None:
    """All 1 is normal in scikit-learn, and anomalous elsewhere."""
    with pytest.raises(InputError, match="y should be True for anomalous rows"):
        are_anomalous(y, 2)


def test_inputs_are_checked() -> None:
    """Shapes, finite numbers and positions."""
    with pytest.raises(InputError, match=r"one label per row, shape \(3,\), got \(2,\)"):
        are_anomalous([0, 1], 3)
    with pytest.raises(InputError, match="scores should be a 1-dimensional array of finite numbers"):
        finite_values("scores", [[1.0]])
    for row in (-1, 3, True, 1.0):
        with pytest.raises(InputError, match="row should be a position from 0 to 2"):
            row_position(row, 3)  # type: ignore[arg-type]


def test_models_of_keys_are_shown_one_by_one() -> None:
    """Together they have many thresholds; each has one."""
    with pytest.raises(InputError, match="one threshold, and PerKey has one for each key"):
        detector_of(hosts.fitted())
    own = hosts.fitted().model_of("a")
    assert detector_of(own) is own
