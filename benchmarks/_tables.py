"""The two protocols of ADBench: which rows are fitted on, and which are scored.

novelty: fit on half of the normal rows; score the other half and all anomalies.
outlier: a stratified 70 / 30 split; fit on the 70 %, including anomalies; score the 30 %.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

PROTOCOLS = ("novelty", "outlier")
Floats = NDArray[np.float64]

_LEAST_ANOMALIES = 20


class Task(NamedTuple):
    """Rows to fit on, rows to score, and which of the latter are anomalous (1)."""

    train: Floats
    test: Floats
    anomalous: NDArray[np.int64]


def load_task(path: Path, protocol: str, cap: int, seed: int) -> Task:
    """A task of one of ADBench's .npz files, at most ``cap`` rows of it drawn in proportion."""
    with np.load(path, allow_pickle=False) as file:
        X, y = file["X"].astype(np.float64), file["y"].astype(np.int64).ravel()
    X, y = _at_most(X, y, cap, seed)
    if protocol == "novelty":
        normal = np.random.RandomState(seed).permutation(np.flatnonzero(y == 0))
        test = np.r_[normal[len(normal) // 2 :], np.flatnonzero(y == 1)]
        return Task(X[normal[: len(normal) // 2]], X[test], y[test])
    train, held_out, _, anomalous = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=y)
    return Task(train, held_out, anomalous)


def _at_most(X: Floats, y: NDArray[np.int64], cap: int, seed: int) -> tuple[Floats, NDArray[np.int64]]:
    if len(X) <= cap:
        return X, y
    random = np.random.RandomState(seed)
    anomalies, normal = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    n_anomalies = max(min(_LEAST_ANOMALIES, len(anomalies)), round(cap * len(anomalies) / len(X)))
    rows = np.r_[random.permutation(anomalies)[:n_anomalies], random.permutation(normal)[: cap - n_anomalies]]
    random.shuffle(rows)
    return X[rows], y[rows]
