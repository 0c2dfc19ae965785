"""Small tables: the demo's data over ten seeds, and realised false-alarm rates on real tables.

    python benchmarks/small.py [FOLDER] [--seeds 5] [--tables 20] [--jobs 2]

The first table needs no files: the breast-cancer data of scikit-learn as in the demo, fitted on the benign
rows of one half. Peers are fitted on the same rows. FOLDER holds .npz files with ``X`` and ``y`` as in
ADBench; tables with 40 to 2,000 rows in half of their normal rows are measured, in order of their names. A
realised rate is the share of the other normal rows below the threshold. It is compared with the 99 % interval
of the beta-binomial distribution, which split conformal thresholds follow.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one thread per task: tasks run in parallel

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from _tables import Floats, load_task
from joblib import Parallel, delayed
from scipy.stats import betabinom, binom
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

from anomaly_vae import TabularVAEDetector

RATES = 0.01, 0.05, 0.1
_ROUNDING = 1e-9


class Realised(NamedTuple):
    """Realised false alarms of one fit at one rate, and the 99 % interval of their number."""

    table: str
    seed: int
    rate: float
    n_calibration: int
    share: float
    is_above: bool
    is_below: bool


def demo_seed(seed: int) -> dict[str, float]:
    """The detector and its peers on the data of the demo; ``seed`` is that of the detector and the forest."""
    bunch = load_breast_cancer()
    X_train, X_test, y_train, y_test = train_test_split(
        bunch.data, bunch.target, test_size=0.5, stratify=bunch.target, random_state=0
    )
    train, anomalous = X_train[y_train == 1], y_test == 0
    detector = TabularVAEDetector(novelty=True, random_state=seed).fit(train)
    scores = detector.score_samples(X_test)
    flagged, normal = scores < detector.offset_, ~anomalous
    low, high = binom.interval(0.99, normal.sum(), detector.false_alarm_rate_)
    return {
        "seed": seed,
        "anomaly-vae": roc_auc_score(anomalous, -scores),
        **{name: roc_auc_score(anomalous, -peer) for name, peer in _peers(train, X_test, seed)},
        "recall": flagged[anomalous].mean(),
        "asked": detector.false_alarm_rate_,
        "realised": flagged[normal].mean(),
        "in interval": low <= flagged[normal].sum() <= high,
    }


def _peers(train: Floats, test: Floats, seed: int) -> Iterator[tuple[str, Floats]]:
    scaler = StandardScaler().fit(train)
    a, b = scaler.transform(train), scaler.transform(test)
    yield "isolation forest", IsolationForest(random_state=seed).fit(a).score_samples(b)
    yield "kNN", -NearestNeighbors(n_neighbors=5).fit(a).kneighbors(b)[0].mean(axis=1)
    yield "LOF", LocalOutlierFactor(novelty=True).fit(a).score_samples(b)
    yield "sum of squares", -np.square(b).sum(axis=1)


def realised(path: Path, seed: int) -> list[Realised]:
    """The realised false-alarm rates of one table, at each rate that its calibration rows can guarantee."""
    task = load_task(path, "novelty", 10_000, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        detector = TabularVAEDetector(novelty=True, random_state=seed).fit(task.train)
    scores = detector.score_samples(task.test[task.anomalous == 0])
    n, n_test, found = len(detector.calibration_scores_), len(scores), []
    for rate in RATES:
        rank = int(rate * (n + 1) + _ROUNDING)
        if rank:
            n_flagged = int((scores < detector.set_threshold(false_alarm_rate=rate).offset_).sum())
            low, high = betabinom.interval(0.99, n_test, rank, n + 1 - rank)
            share = n_flagged / n_test
            found.append(Realised(path.stem, seed, rate, n, share, n_flagged > high, n_flagged < low))
    return found


def _small_tables(folder: Path, n_tables: int) -> list[Path]:
    found = []
    for path in sorted(folder.rglob("*.npz")):
        with np.load(path, allow_pickle=True) as file:
            n_train = int((file["y"] == 0).sum()) // 2
        if 40 <= n_train <= 2_000:
            found.append(path)
    return found[:n_tables]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tables", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    demo = Parallel(options.jobs)(delayed(demo_seed)(seed) for seed in range(10))
    print("The data of the demo, ten seeds:")
    print(pd.DataFrame(demo).round(4).to_string(index=False))
    if options.folder is None:
        print("realised rates: skipped: give the path of a folder with .npz files")
        return
    paths = _small_tables(options.folder, options.tables)
    tasks = [delayed(realised)(path, seed) for path in paths for seed in range(options.seeds)]
    records = pd.DataFrame([one for many in Parallel(options.jobs)(tasks) for one in many])
    print(f"\nRealised rates, {len(paths)} tables, {options.seeds} seeds:")
    by_rate = records.groupby("rate")
    summary = by_rate[["share", "is_above", "is_below"]].mean().assign(fits=by_rate.size())
    print(summary.round(4).to_string())
    inside = 1.0 - (records["is_above"] | records["is_below"]).mean()
    print(f"inside the 99 % interval: {inside:.1%}; not above it: {1.0 - records['is_above'].mean():.1%}")


if __name__ == "__main__":
    main()
