"""AUROC and average precision on ADBench tables, compared with common detectors.

    python benchmarks/detection.py FOLDER [--protocol novelty] [--seeds 0,1,2] [--detectors kNN,IForest]
                                   [--cap 10000] [--jobs 2] [--out detection.csv]

FOLDER holds ADBench's .npz files (https://github.com/Minqi824/ADBench), in one subfolder per
group for means by group. Every detector has the same settings for all tables; the only parameter set for
anomaly-vae is whether the training rows are clean. The other detectors get standardised columns. PyOD's
detectors need the extra ``bench``; they are skipped if it is not installed.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one thread per task: tasks run in parallel

import argparse
import importlib
import importlib.util
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _tables import PROTOCOLS, Floats, Task, load_task
from joblib import Parallel, delayed
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

OURS = "anomaly-vae"
NOTABLE = 0.002
"""Differences in AUROC below this are neither wins nor losses."""

Scorer = Callable[[Floats], Floats]
Fit = Callable[[Floats, str, int], Scorer]


# ------------------------------------------------------------------------------------------- detectors
def _ours(X: Floats, protocol: str, seed: int) -> Scorer:
    from anomaly_vae import TabularVAEDetector

    detector = TabularVAEDetector(novelty=protocol == "novelty", random_state=seed).fit(X)
    return detector.score_samples  # type: ignore[no-any-return]


def _neighbours(X: Floats, protocol: str, seed: int) -> Scorer:
    scaler = StandardScaler().fit(X)
    index = NearestNeighbors(n_neighbors=min(5, len(X))).fit(scaler.transform(X))
    return lambda new: -index.kneighbors(scaler.transform(new))[0].mean(axis=1)


def _forest(X: Floats, protocol: str, seed: int) -> Scorer:
    return IsolationForest(random_state=seed).fit(X).score_samples  # type: ignore[no-any-return]


def _gaussian(X: Floats, protocol: str, seed: int) -> Scorer:
    scaler = StandardScaler().fit(X)
    mixture = GaussianMixture(1, reg_covar=1e-3).fit(scaler.transform(X))
    return lambda new: mixture.score_samples(scaler.transform(new))


def _pyod(module: str, name: str, X: Floats, protocol: str, seed: int, **params: Any) -> Scorer:
    """A detector of PyOD with its defaults, on standardised columns; its scores rise with anomaly."""
    scaler = StandardScaler().fit(X)
    kind = getattr(importlib.import_module(f"pyod.models.{module}"), name)
    if "random_state" in kind.__init__.__code__.co_varnames:
        params["random_state"] = seed
    detector = kind(**params).fit(scaler.transform(X))
    return lambda new: -detector.decision_function(scaler.transform(new))


DETECTORS: dict[str, Fit] = {OURS: _ours, "kNN": _neighbours, "IForest": _forest, "Gaussian": _gaussian}
PYOD: dict[str, Fit] = {
    "PyOD VAE": partial(_pyod, "vae", "VAE", verbose=0),
    "PyOD AutoEncoder": partial(_pyod, "auto_encoder", "AutoEncoder", verbose=0),
    "PyOD KNN": partial(_pyod, "knn", "KNN"),
    "PyOD IForest": partial(_pyod, "iforest", "IForest"),
    "PyOD ECOD": partial(_pyod, "ecod", "ECOD"),
    "PyOD LOF": partial(_pyod, "lof", "LOF"),
    "PyOD GMM": partial(_pyod, "gmm", "GMM"),
    "PyOD OCSVM": partial(_pyod, "ocsvm", "OCSVM"),
}


# ------------------------------------------------------------------------------------------ measurement
def measure(path: Path, protocol: str, seed: int, cap: int, names: list[str]) -> list[dict[str, Any]]:
    """Return a record for each detector on one task."""
    task = load_task(path, protocol, cap, seed)
    where = {"protocol": protocol, "group": path.parent.name, "table": path.stem, "seed": seed}
    return [
        where | {"detector": name} | _measure((DETECTORS | PYOD)[name], task, protocol, seed)
        for name in names
    ]


def _measure(fit: Fit, task: Task, protocol: str, seed: int) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = time.perf_counter()
        score = fit(task.train, protocol, seed)
        fitted = time.perf_counter()
        scores = np.asarray(score(task.test), dtype=np.float64)
        scored = time.perf_counter()
    scores = np.nan_to_num(scores, nan=scores[np.isfinite(scores)].min(initial=0.0))
    return {
        "auroc": float(roc_auc_score(task.anomalous, -scores)),
        "ap": float(average_precision_score(task.anomalous, -scores)),
        "fit_s": fitted - started,
        "score_s": scored - fitted,
    }


# ------------------------------------------------------------------------------------------ the tables
def summary(records: pd.DataFrame) -> str:
    """Return means over tables and seeds by protocol and group, with wins and losses by table."""
    blocks = []
    for (protocol, group), block in records.groupby(["protocol", "group"]):
        means = block.groupby("detector")[["auroc", "ap"]].mean()
        means[["fit_s", "score_s"]] = block.groupby("detector")[["fit_s", "score_s"]].median()
        by_table = block.pivot_table(index="table", columns="detector", values="auroc")
        ahead = {name: by_table[OURS] - by_table[name] for name in means.index if OURS in by_table}
        counts = {name: (int((a > NOTABLE).sum()), int((a < -NOTABLE).sum())) for name, a in ahead.items()}
        means["ours wins/loses"] = [_counts(counts, name) for name in means.index]
        means["worst"] = [
            ahead[name].min() if name in ahead and name != OURS else np.nan for name in means.index
        ]
        for half in (0, 1):
            means[f"half {half}"] = by_table[half::2].mean()
        seeds = records["seed"].nunique()
        blocks.append(f"{protocol}, {group}: {len(by_table)} tables, {seeds} seeds")
        blocks.append(means.sort_values("auroc", ascending=False).round(4).to_string(na_rep=""))
    return "\n".join(blocks)


def _counts(counts: dict[str, tuple[int, int]], name: str) -> str:
    return "" if name == OURS or name not in counts else f"{counts[name][0]} / {counts[name][1]}"


def main() -> None:
    """Print the tables, and write every record to a CSV file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--protocol", choices=[*PROTOCOLS, "both"], default="both")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--cap", type=int, default=10_000, help="maximum number of rows of a table")
    parser.add_argument("--detectors", default="", help="names, separated by commas; all by default")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=Path("detection.csv"))
    options = parser.parse_args()
    paths = sorted(options.folder.rglob("*.npz")) if options.folder else []
    if not paths:
        print("detection: skipped: give the path of a folder with ADBench's .npz files")
        return
    available = [*DETECTORS, *(PYOD if importlib.util.find_spec("pyod") else ())]
    names = options.detectors.split(",") if options.detectors else available
    unknown = sorted(set(names) - set(available))
    if unknown:
        parser.error(f"unknown or not installed: {', '.join(unknown)}; there are {', '.join(available)}")
    protocols = PROTOCOLS if options.protocol == "both" else [options.protocol]
    tasks = [(path, p, int(seed)) for seed in options.seeds.split(",") for p in protocols for path in paths]
    results = Parallel(options.jobs, return_as="generator_unordered")(
        delayed(measure)(*task, options.cap, names) for task in tasks
    )
    records: list[dict[str, Any]] = []
    for result in results:
        records += result
        pd.DataFrame(records).to_csv(options.out, index=False)
    order = ["protocol", "group", "table", "seed"]
    table = pd.DataFrame(records).sort_values(order, kind="stable")
    table.to_csv(options.out, index=False)
    print(summary(table))


if __name__ == "__main__":
    main()
