"""A Pipeline from a model file: scikit-learn's, with one kind of error of one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn.pipeline
from sklearn.base import BaseEstimator, clone

from anomaly_vae import CellError, InputError, NonFiniteScoreError, StepError, load, save
from tests.anomaly_vae import forging


@pytest.fixture
def model(tmp_path: Path) -> sklearn.pipeline.Pipeline:
    loaded = load(forging.put(tmp_path / "model.avae", forging.encoded()))
    assert isinstance(loaded, sklearn.pipeline.Pipeline)
    return loaded


def test_it_gives_what_the_saved_one_gave(model: sklearn.pipeline.Pipeline, tmp_path: Path) -> None:
    """Scores, decisions, slices and clones; and it is saved as the same file."""
    X, saved = forging.table(), forging.encoded()
    for method in ("score_samples", "decision_function", "predict", "score"):
        np.testing.assert_array_equal(getattr(model, method)(X), getattr(saved, method)(X))
    np.testing.assert_array_equal(model[:-1].transform(X), saved[:-1].transform(X))
    assert str(model) == str(saved)
    assert clone(model).fit(X).predict(X).shape == (len(X),)
    save(model, tmp_path / "again.avae")
    np.testing.assert_array_equal(load(tmp_path / "again.avae").score_samples(X), saved.score_samples(X))


def test_what_the_last_step_does_not_have_is_missing(model: sklearn.pipeline.Pipeline) -> None:
    """A detector does not transform back, and a transformer does not score."""
    assert hasattr(model, "score_samples")
    assert not hasattr(model, "inverse_transform")
    assert not hasattr(model[:-1], "score_samples")
    assert hasattr(model[:-1], "transform")


def test_rows_that_a_step_cannot_read_are_an_error_of_one_line(model: sklearn.pipeline.Pipeline) -> None:
    """Of every method, and whatever the step raised."""
    X = forging.table(3)
    for bad in (X.assign(count="many"), X.drop(columns="count"), X.assign(length=[[1], [2, 3], None])):
        for method in (model.score_samples, model.predict, model.decision_function, model[:-1].transform):
            with pytest.raises(StepError, match="a step of the Pipeline cannot read these rows") as caught:
                method(bad)
            assert isinstance(caught.value, InputError)
            assert "\n" not in str(caught.value)


def test_errors_of_the_detector_pass(model: sklearn.pipeline.Pipeline) -> None:
    """They name what is wrong themselves."""
    with pytest.raises(StepError):
        model.score_samples(pd.DataFrame())

    class Broken(BaseEstimator):
        def fit(self, X: object) -> Broken:
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def score_samples(self, X: object) -> object:
            raise NonFiniteScoreError("no")

    model.steps[-1] = ("broken", Broken())
    with pytest.raises(NonFiniteScoreError):
        model.score_samples(forging.table(3))
    assert not issubclass(CellError, StepError)
