"""The false-alarm rate that a detector guarantees, compared with that of new normal rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from anomaly_vae import TabularVAEDetector
from anomaly_vae.thresholds import false_alarm_offset

Floats = NDArray[np.float64]

N_TRAIN, N_CALIBRATION = 400, 100
QUICK: dict[str, Any] = {"novelty": True, "max_steps": 30, "hidden_sizes": (16,), "validation_fraction": 0.25}


class Fit(NamedTuple):
    """A quick fit on some rows, and other rows."""

    model: TabularVAEDetector
    train: Floats
    fresh: Floats


@pytest.fixture(scope="module")
def fits() -> list[Fit]:
    """Fits on random rows of scikit-learn's digits, a seed each."""
    X = load_digits().data
    splits = [np.split(np.random.default_rng(seed).permutation(X), [N_TRAIN]) for seed in range(12)]
    return [
        Fit(TabularVAEDetector(**QUICK, random_state=seed).fit(train), train, fresh)
        for seed, (train, fresh) in enumerate(splits)
    ]


def realised(fits: list[Fit], **threshold: Any) -> Floats:
    """Share of fresh rows below the threshold, of each fit."""
    return np.array([np.mean(fit.model.set_threshold(**threshold).predict(fit.fresh) == -1) for fit in fits])


def error_of(rate: float, fits: list[Fit]) -> float:
    """Three standard errors of a mean realised rate: calibration rows and fresh rows are both drawn."""
    rows = 1 / N_CALIBRATION + 1 / len(fits[0].fresh)
    return 3.0 * float(np.sqrt(rate * (1 - rate) * rows / len(fits)))


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.2])
def test_a_false_alarm_rate_is_kept_on_new_rows(fits: list[Fit], rate: float) -> None:
    """Over many fits on real rows the realised rate is at most the guaranteed rate, and not far below it."""
    guaranteed = np.floor(rate * (N_CALIBRATION + 1)) / (N_CALIBRATION + 1)
    mean = np.mean(realised(fits, false_alarm_rate=rate))
    assert guaranteed - error_of(rate, fits) <= mean <= rate + error_of(rate, fits)


def test_training_scores_would_break_the_guarantee(fits: list[Fit]) -> None:
    """The same fits, calibrated with scores of the training table, fail the test above.

    A model fits its training rows too well, so that the offset is too high for new rows.
    """
    rate = 0.05
    offsets = [false_alarm_offset(np.sort(fit.model.score_samples(fit.train)), rate) for fit in fits]
    broken = [np.mean(fit.model.score_samples(fit.fresh) < o) for fit, o in zip(fits, offsets, strict=True)]
    assert np.mean(broken) > rate + 2.0 * error_of(rate, fits)


def test_contaminated_rows_make_the_guarantee_conservative() -> None:
    """If a tenth of the training rows are anomalies, fewer normal rows are flagged than guaranteed."""
    random = np.random.default_rng(0)
    rates = []
    for seed in range(4):
        X = random.normal(size=(2000, 4))
        contaminated = np.r_[X[:450], random.normal(6.0, 1.0, (50, 4))]
        model = TabularVAEDetector(max_steps=30, validation_fraction=0.4, random_state=seed).fit(contaminated)
        rates.append(np.mean(model.set_threshold(false_alarm_rate=0.1).predict(X[450:]) == -1))
    assert np.mean(rates) < 0.06


def test_a_tail_estimates_rates_that_cannot_be_guaranteed(fits: list[Fit]) -> None:
    """A fifth of the least guaranteed rate is realised within a factor of 3 above and 5 below."""
    rate = 1 / (N_CALIBRATION + 1) / 5
    assert rate / 5 < np.mean(realised(fits, false_alarm_rate=rate, tail="gpd")) < 3 * rate
