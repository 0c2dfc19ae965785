"""AUROC and average precision on tables with known anomalies, compared with common detectors.

    python benchmarks/detection.py FOLDER... [--protocol novelty] [--seeds 0,1,2] [--detectors kNN,IForest]
                                   [--cap 10000] [--jobs 2] [--out detection.csv] [--resume]
    python benchmarks/detection.py --records detection.csv

FOLDER holds .npz files as ADBench's are (https://github.com/Minqi824/ADBench) and .csv.gz files with a
column ``label`` (``normal`` or ``anomaly``), in one subfolder per group for means by group. Every detector
has the same settings for all tables; the only parameter set for anomaly-vae is whether the training rows
are clean. The other detectors get medians for missing numbers, one-hot categories and standardised columns.
PyOD's detectors need the extra ``bench``; they are skipped if it is not installed. ``--resume`` measures
only what ``--out`` does not hold yet. ``--records`` prints the tables of an earlier run.
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
from _tables import PROTOCOLS, Floats, Rows, Task, as_standardised, find_tables, load_task
from joblib import Parallel, delayed
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

OURS = "anomaly-vae"
NOTABLE = 0.002
"""Differences in AUROC below this are neither wins nor losses."""

SMALL = 300
"""Tables of fewer training rows have a block of their own in the summary."""

Scorer = Callable[[Any], Floats]
Fit = Callable[[Any, str, int], Scorer]


# ------------------------------------------------------------------------------------------- detectors
def _ours(X: Rows, protocol: str, seed: int) -> Scorer:
    from anomaly_vae import TabularVAEDetector

    detector = TabularVAEDetector(novelty=protocol == "novelty", random_state=seed).fit(X)
    return detector.score_samples  # type: ignore[no-any-return]


def _neighbours(X: Floats, protocol: str, seed: int) -> Scorer:
    index = NearestNeighbors(n_neighbors=min(5, len(X))).fit(X)
    return lambda new: -index.kneighbors(new)[0].mean(axis=1)


def _forest(X: Floats, protocol: str, seed: int) -> Scorer:
    return IsolationForest(random_state=seed).fit(X).score_samples  # type: ignore[no-any-return]


def _gaussian(X: Floats, protocol: str, seed: int) -> Scorer:
    return GaussianMixture(1, reg_covar=1e-3).fit(X).score_samples  # type: ignore[no-any-return]


def _outlier_factor(X: Floats, protocol: str, seed: int) -> Scorer:
    return LocalOutlierFactor(min(20, len(X) - 1), novelty=True).fit(X).score_samples  # type: ignore[no-any-return]


def _pyod(module: str, name: str, X: Floats, protocol: str, seed: int, **params: Any) -> Scorer:
    """A detector of PyOD with its defaults; its scores rise with anomaly."""
    kind = getattr(importlib.import_module(f"pyod.models.{module}"), name)
    if "random_state" in kind.__init__.__code__.co_varnames:
        params["random_state"] = seed
    detector = kind(**params).fit(X)
    return lambda new: -detector.decision_function(new)


DETECTORS: dict[str, Fit] = {
    OURS: _ours,
    "kNN": _neighbours,
    "IForest": _forest,
    "Gaussian": _gaussian,
    "LOF": _outlier_factor,
}
PYOD: dict[str, Fit] = {
    "PyOD VAE": partial(_pyod, "vae", "VAE", verbose=0),
    "PyOD AutoEncoder": partial(_pyod, "auto_encoder", "AutoEncoder", verbose=0),
    "PyOD ECOD": partial(_pyod, "ecod", "ECOD"),
    "PyOD OCSVM": partial(_pyod, "ocsvm", "OCSVM"),
}


# ------------------------------------------------------------------------------------------ measurement
def measure(path: Path, protocol: str, seed: int, cap: int, names: list[str]) -> list[dict[str, Any]]:
    """Return a record for each detector on one task."""
    task = load_task(path, protocol, cap, seed)
    numbers = as_standardised(task)
    group, table = _names(path)
    where = {"protocol": protocol, "group": group, "table": table, "seed": seed, "n_train": len(task.train)}
    return [
        where
        | {"detector": name}
        | _measure((DETECTORS | PYOD)[name], task if name == OURS else numbers, protocol, seed)
        for name in names
    ]


def _names(path: Path) -> tuple[str, str]:
    """The names of the group and the table of a file."""
    return path.parent.name, path.name.split(".")[0]


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
    blocks = [
        _block(f"{protocol}, {group}", block)
        for (protocol, group), block in records.groupby(["protocol", "group"])
    ]
    small = records[records["n_train"] < SMALL]
    blocks += [
        _block(f"{protocol}, all under {SMALL} rows", block) for protocol, block in small.groupby("protocol")
    ]
    blocks += [_block(f"{protocol}, all", block) for protocol, block in records.groupby("protocol")]
    return "\n".join(blocks)


def _block(title: str, block: pd.DataFrame) -> str:
    block = block.assign(table=block["group"] + "/" + block["table"])
    by_table = block.pivot_table(index="table", columns="detector", values=["auroc", "ap"])
    means = by_table.mean().unstack(0)[["auroc", "ap"]]
    means["fit_s"] = block.groupby("detector")["fit_s"].median()
    if OURS in means.index:
        ahead = (-by_table["auroc"].sub(by_table["auroc"][OURS], axis=0)).drop(columns=OURS)
        means["wins"], means["losses"] = (ahead > NOTABLE).sum(), (ahead < -NOTABLE).sum()
        means["worst"], means["worst_table"] = ahead.min(), ahead.idxmin()
    for half in (0, 1):
        means[f"half_{half}"] = by_table["auroc"][half::2].mean()
    means = means.sort_values("auroc", ascending=False).round(4)
    title += f": {len(by_table)} tables, {block['seed'].nunique()} seeds"
    return title + "\n" + means.to_string(na_rep="", float_format="%.4g")


def main() -> None:
    """Print the tables, and write every record to a CSV file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--protocol", choices=[*PROTOCOLS, "both"], default="both")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--cap", type=int, default=10_000, help="maximum number of rows of a table")
    parser.add_argument("--detectors", default="", help="names, separated by commas; all by default")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=Path("detection.csv"))
    parser.add_argument("--resume", action="store_true", help="keep what --out holds, and measure the rest")
    parser.add_argument("--records", type=Path, help="print the tables of this file, and measure nothing")
    options = parser.parse_args()
    if options.records:
        print(summary(pd.read_csv(options.records)))
        return
    paths = find_tables(options.folders)
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
    measured: set[tuple[Any, ...]] = set()
    if options.out.exists() and options.resume:
        keys = ["protocol", "group", "table", "seed", "detector"]
        measured = set(pd.read_csv(options.out)[keys].itertuples(index=False, name=None))
    else:
        options.out.unlink(missing_ok=True)
    missing = {
        (path, protocol, seed): [
            name for name in names if (protocol, *_names(path), seed, name) not in measured
        ]
        for path, protocol, seed in tasks
    }
    results = Parallel(options.jobs, return_as="generator_unordered")(
        delayed(measure)(*task, options.cap, rest) for task, rest in missing.items() if rest
    )
    for result in results:
        pd.DataFrame(result).to_csv(options.out, mode="a", header=not options.out.exists(), index=False)
    order = ["protocol", "group", "table", "seed"]
    table = pd.read_csv(options.out).sort_values(order, kind="stable")
    table.to_csv(options.out, index=False)
    print(summary(table))


if __name__ == "__main__":
    main()
