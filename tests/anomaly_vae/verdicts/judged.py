"""A small detector, and rows of its calibration data and verdicts as plain arrays."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from anomaly_vae import TabularVAEDetector
from anomaly_vae.states.verdicts import CalibrationRows, LearningState, Threshold, VerdictLog, no_verdicts
from anomaly_vae.verdicts.correction import Correction

N_COLUMNS, N_FEATURES = 3, 7
OWNERS = np.array([0, 1, 2, 3, 0, 1, 2])
THRESHOLD = Threshold(-20.0, None, None)


def features(n_rows: int, seed: int) -> NDArray[np.float32]:
    """Features of three numbers: the shortfalls of the columns and of the latent term, then the cells."""
    return np.random.default_rng(seed).normal(size=(n_rows, N_FEATURES)).astype(np.float32)


def scores(n_rows: int, seed: int) -> NDArray[np.float64]:
    """Scores with a long lower tail."""
    return -np.exp(np.random.default_rng(seed).normal(2.0, 1.0, size=n_rows))


def log(n_verdicts: int, seed: int = 5) -> VerdictLog:
    """Verdicts about random rows."""
    random = np.random.default_rng(seed)
    return VerdictLog(
        random.choice([-1, 1], n_verdicts).astype(np.int8),
        random.uniform(0.5, 2.0, n_verdicts),
        np.arange(n_verdicts),
        scores(n_verdicts, seed),
        features(n_verdicts, seed),
    )


def untaught() -> Correction:
    """A correction without verdicts, with 200 calibration rows."""
    calibration = CalibrationRows(np.sort(scores(200, 0)), features(200, 0))
    return Correction(LearningState(calibration, no_verdicts(N_FEATURES)), OWNERS)


def taught(verdicts: VerdictLog) -> Correction:
    """The same with verdicts."""
    return untaught().with_verdicts(verdicts, THRESHOLD)


@cache
def numbers() -> NDArray[np.float64]:
    """Normal rows of three dependent columns, and the last twelve far away in one of them."""
    random = np.random.default_rng(0)
    X = random.normal(size=(150, 3)) @ random.normal(size=(3, 3))
    X[-12:-6, 0] += 12.0
    X[-6:, 1] -= 12.0
    return X


@cache
def detector() -> TabularVAEDetector:
    """A detector that is fitted on them."""
    return TabularVAEDetector(max_steps=5, hidden_sizes=(4,), latent_dim=2, random_state=0).fit(numbers())
