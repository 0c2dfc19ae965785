"""The two protocols of ADBench: which rows are fitted on, and which are scored.

novelty: fit on half of the normal rows; score the other half and all anomalies.
outlier: a stratified 70 / 30 split; fit on the 70 %, including anomalies; score the 30 %.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

PROTOCOLS = ("novelty", "outlier")
Floats = NDArray[np.float64]
Rows = Floats | pd.DataFrame

_LEAST_ANOMALIES = 20


class Task(NamedTuple):
    """Rows to fit on, rows to score, and which of the latter are anomalous (1)."""

    train: Rows
    test: Rows
    anomalous: NDArray[np.int64]


def find_tables(folders: list[Path]) -> list[Path]:
    """The files that ``load_task`` reads, in folders and their subfolders."""
    return sorted(path for folder in folders for kind in ("*.npz", "*.csv.gz") for path in folder.rglob(kind))


def load_task(path: Path, protocol: str, cap: int, seed: int) -> Task:
    """The rows of one file, at most ``cap`` of them drawn in proportion, divided as the protocol says.

    An .npz file holds ``X`` and ``y`` (1: anomalous), as ADBench's do; a .csv.gz file has a header and a
    column ``label`` (``normal`` or ``anomaly``), and becomes a data frame.
    """
    X, y = _read(path, cap, seed)
    if protocol == "novelty":
        normal = np.random.RandomState(seed).permutation(np.flatnonzero(y == 0))
        test = np.r_[normal[len(normal) // 2 :], np.flatnonzero(y == 1)]
        return Task(take(X, normal[: len(normal) // 2]), take(X, test), y[test])
    train, held_out = train_test_split(np.arange(len(y)), test_size=0.3, random_state=seed, stratify=y)
    return Task(take(X, train), take(X, held_out), y[held_out])


def load_halves(path: Path, cap: int, seed: int) -> tuple[Rows, NDArray[np.int64], Rows, NDArray[np.int64]]:
    """Two stratified halves of one file, rows and anomalies of each, with at most ``cap`` rows together."""
    X, y = _read(path, cap, seed)
    first, second = train_test_split(np.arange(len(y)), test_size=0.5, random_state=seed, stratify=y)
    return take(X, first), y[first], take(X, second), y[second]


def as_standardised(task: Task) -> Task:
    """The task as detectors of numbers read it.

    Medians replace missing numbers, the 50 most frequent categories of a column are one-hot encoded, and
    all columns are standardised; everything is learned from the rows to fit on.
    """
    numbers = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    if isinstance(task.train, pd.DataFrame):
        encoder = OneHotEncoder(handle_unknown="ignore", max_categories=51, sparse_output=False)
        is_number = make_column_selector(dtype_include="number")
        is_category = make_column_selector(dtype_exclude="number")
        scaler = make_column_transformer(
            (numbers, is_number), (make_pipeline(encoder, StandardScaler()), is_category)
        )
    else:
        scaler = numbers
    return Task(scaler.fit_transform(task.train), scaler.transform(task.test), task.anomalous)


def take(X: Rows, rows: NDArray[np.int64]) -> Rows:
    """The rows at these positions."""
    return X.iloc[rows].reset_index(drop=True) if isinstance(X, pd.DataFrame) else X[rows]


def _read(path: Path, cap: int, seed: int) -> tuple[Rows, NDArray[np.int64]]:
    """At most ``cap`` rows of a file, and which of them are anomalous (1)."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            X, y = file["X"].astype(np.float64), file["y"].astype(np.int64).ravel()
    else:
        X = pd.read_csv(path)
        y = (X.pop("label") == "anomaly").to_numpy(dtype=np.int64)
    return _at_most(X, y, cap, seed)


def _at_most(X: Rows, y: NDArray[np.int64], cap: int, seed: int) -> tuple[Rows, NDArray[np.int64]]:
    if len(X) <= cap:
        return X, y
    random = np.random.RandomState(seed)
    anomalies, normal = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    n_anomalies = max(min(_LEAST_ANOMALIES, len(anomalies)), round(cap * len(anomalies) / len(X)))
    rows = np.r_[random.permutation(anomalies)[:n_anomalies], random.permutation(normal)[: cap - n_anomalies]]
    random.shuffle(rows)
    return take(X, rows), y[rows]
