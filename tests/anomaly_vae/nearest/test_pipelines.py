"""nearest_normal through the steps of a Pipeline."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler

from anomaly_vae import ImageVAEDetector, InputError, TabularVAEDetector, nearest_normal

RANDOM = np.random.default_rng(0)
ROWS = pd.DataFrame(RANDOM.normal(size=(300, 1)) * [20, 30, 10] + RANDOM.normal(size=(300, 3)) + 100).round(2)
ROWS.columns = pd.Index(["a", "b", "c"])


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    """A scaler and a detector."""
    detector = TabularVAEDetector(novelty=True, max_steps=150, validation_fraction=0.25, random_state=0)
    return make_pipeline(StandardScaler(), detector).fit(ROWS)


def test_answers_are_in_the_units_of_the_table(pipeline: Pipeline) -> None:
    """They are normal, and cells that need no change are as they were, to the bit."""
    wrong = ROWS[:20].copy()
    wrong.loc[::2, "b"] += 200.0
    answers = nearest_normal(pipeline, wrong)
    offset = pipeline[-1].offset_
    answered = answers.notna().all(axis=1)
    assert answered.mean() > 0.9
    assert (pipeline.score_samples(answers[answered]) >= offset).all()
    kept = (answers[["a", "c"]] == wrong[["a", "c"]]).all(axis=1)
    assert kept[answered].mean() > 0.7
    assert (answers == wrong).all(axis=1).tolist() == (pipeline.score_samples(wrong) >= offset).tolist()


def test_a_model_without_steps_answers_itself(pipeline: Pipeline) -> None:
    """A Pipeline of one step too."""
    detector = pipeline[-1]
    wrong = [[0.0, 9.0, 0.0]]
    wanted = detector.nearest_normal(wrong).tolist()
    for model in (detector, make_pipeline(detector)):
        assert nearest_normal(model, wrong).tolist() == wanted


@pytest.mark.parametrize("step", [Normalizer(), FunctionTransformer(np.log)])
def test_a_step_without_an_inverse_is_an_error(pipeline: Pipeline, step: object) -> None:
    """The message names it; the function of a FunctionTransformer has no inverse unless it is given."""
    with pytest.raises(InputError, match=f"and {type(step).__name__} cannot be inverted"):
        nearest_normal(make_pipeline(step, pipeline[-1]), ROWS)


def test_other_models_are_an_error() -> None:
    """Of images."""
    with pytest.raises(InputError, match="takes a fitted model of tables, got ImageVAEDetector"):
        nearest_normal(ImageVAEDetector(), ROWS)
