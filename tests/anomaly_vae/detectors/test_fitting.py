"""From a table to a trained model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from anomaly_vae import TabularVAEDetector


def test_the_same_seed_gives_the_same_model(table: pd.DataFrame, fresh: pd.DataFrame) -> None:
    """Fits with one seed agree to the last bit, and another seed gives another model."""
    one, again, other = (
        TabularVAEDetector(max_steps=30, random_state=seed).fit(table).score_samples(fresh)
        for seed in (3, 3, 4)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_the_elbo_rises_during_training(fitted: TabularVAEDetector) -> None:
    """Training and validation ELBO are recorded at the same steps, and the first one rises."""
    history = fitted.history_
    assert len(history["step"]) == len(history["elbo_train"]) == len(history["elbo_validation"]) > 5
    assert history["elbo_train"][-1] > history["elbo_train"][0]
    assert history["step"][-1] == 200


def test_early_stopping_ends_before_the_budget() -> None:
    """On noise, where a model can only memorise rows, training stops early."""
    X = np.random.default_rng(0).normal(size=(250, 30))
    detector = TabularVAEDetector(novelty=True, early_stopping=True, max_steps=1000, random_state=0).fit(X)
    assert detector.history_["step"][-1] < 1000
    assert len(detector.calibration_scores_) == detector.n_calibration(250) == 31
