"""AUROC and average precision on NSL-KDD, compared with kNN, isolation forest and PCA.

    python benchmarks/nsl_kdd.py TRAIN.csv[.gz] TEST.csv[.gz]

Both files have a header, a column ``attack`` ("normal" or the name of an attack) and a column
``difficulty``, as in the CSV editions of https://www.unb.ca/cic/datasets/nsl.html. All detectors are
fitted on the normal training rows. anomaly-vae gets the unchanged table and only the parameter novelty;
the others get one-hot categories and standardised log1p numbers.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from anomaly_vae import TabularVAEDetector

SEEDS = (0, 1, 2)
Scores = np.ndarray[Any, np.dtype[np.float64]]
Rank = Callable[[pd.DataFrame, pd.DataFrame], Scores]


def main() -> None:
    """Print a row per detector and seed."""
    if len(sys.argv) != 3 or not all(Path(name).exists() for name in sys.argv[1:]):
        print("nsl_kdd: skipped: give the paths of the NSL-KDD training and test tables")
        return
    train, test = (pd.read_csv(name) for name in sys.argv[1:])
    normal = train[train["attack"] == "normal"].drop(columns=["attack", "difficulty"])
    new, anomalous = test.drop(columns=["attack", "difficulty"]), test["attack"] != "normal"
    print(f"{len(normal)} normal rows to fit on, {len(new)} to score, {new.shape[1]} columns")
    print(f"{'detector':24} {'AUROC':>7} {'AP':>7} {'seconds':>8}")
    for name, rank in _detectors():
        started = time.perf_counter()
        scores = rank(normal, new)
        seconds = time.perf_counter() - started
        auroc, precision = roc_auc_score(anomalous, -scores), average_precision_score(anomalous, -scores)
        print(f"{name:24} {auroc:7.4f} {precision:7.4f} {seconds:8.1f}", flush=True)


def _detectors() -> Iterator[tuple[str, Rank]]:
    for seed in SEEDS:
        yield f"anomaly-vae, seed {seed}", lambda a, b, seed=seed: _ours(seed, a, b)  # type: ignore[misc]
    yield "kNN (mean of 5)", _neighbours
    for seed in SEEDS:
        yield f"isolation forest, seed {seed}", lambda a, b, seed=seed: _forest(seed, a, b)  # type: ignore[misc]
    yield "PCA, 20 components", _projection


def _ours(seed: int, normal: pd.DataFrame, new: pd.DataFrame) -> Scores:
    return TabularVAEDetector(novelty=True, random_state=seed).fit(normal).score_samples(new)


def _neighbours(normal: pd.DataFrame, new: pd.DataFrame) -> Scores:
    columns = _columns().fit(normal)
    index = NearestNeighbors(n_neighbors=5).fit(columns.transform(normal))
    return np.asarray(-index.kneighbors(columns.transform(new))[0].mean(axis=1))


def _forest(seed: int, normal: pd.DataFrame, new: pd.DataFrame) -> Scores:
    pipeline = make_pipeline(_columns(), IsolationForest(random_state=seed)).fit(normal)
    return np.asarray(pipeline.score_samples(new))


def _projection(normal: pd.DataFrame, new: pd.DataFrame) -> Scores:
    columns = _columns().fit(normal)
    cells, pca = columns.transform(new), PCA(20, random_state=0).fit(columns.transform(normal))
    return np.asarray(-np.square(cells - pca.inverse_transform(pca.transform(cells))).sum(axis=1))


def _columns() -> ColumnTransformer:
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    numbers = make_pipeline(FunctionTransformer(np.log1p), StandardScaler())
    return make_column_transformer((numbers, make_column_selector(dtype_include="number")), remainder=one_hot)


if __name__ == "__main__":
    main()
