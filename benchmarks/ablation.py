"""Effect of each part of the defaults on ADBench tables: one part is changed at a time.

    python benchmarks/ablation.py FOLDER [--seeds 0] [--cap 10000] [--jobs 2]

FOLDER and the protocols are those of detection.py.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one thread per task: tasks run in parallel

import argparse
import math
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from _tables import PROTOCOLS, Floats, Task, load_task
from joblib import Parallel, delayed
from sklearn.metrics import average_precision_score, roc_auc_score

from anomaly_vae import TabularVAEDetector
from anomaly_vae.detectors import _splits
from anomaly_vae.detectors._recipe import Recipe
from anomaly_vae.schema import Schema

CHANGES: dict[str, dict[str, dict[str, Any]]] = {
    "novelty": {"no input noise": {"input_noise": 0.0}, "noise floor 0.3": {"noise_floor": 0.3}},
    "outlier": {
        "Gaussian noise": {"degrees_of_freedom": math.inf},
        "no trimming": {"keep": 1.0},
        "noise floor 0.3": {"noise_floor": 0.3},
    },
}
LINEAR_CHANGES: dict[str, dict[str, dict[str, Any]]] = {
    "novelty": {"N(0, I) for exemplars": {"has_exemplars": False}},
    "outlier": {
        "N(0, I) for exemplars": {"has_exemplars": False, "keep_exemplars": 1.0},
        "exemplars of all rows": {"keep_exemplars": 1.0},
    },
}


class Changed(TabularVAEDetector):
    """The detector with some settings of its recipe, and of that of its linear member, replaced."""

    changes: dict[str, Any]
    linear: dict[str, Any]

    def _recipe(self, n_rows: int, schema: Schema, *, is_fold: bool) -> Recipe:
        recipe = super()._recipe(n_rows, schema, is_fold=is_fold)
        return replace(recipe, **self.changes, linear=replace(recipe.linear, **self.linear))


def measure(path: Path, protocol: str, seed: int, cap: int) -> list[dict[str, Any]]:
    """Return a record for each variant on one task."""
    warnings.simplefilter("ignore")
    task = load_task(path, protocol, cap, seed)
    where = {"protocol": protocol, "table": path.stem, "seed": seed}
    return [
        where
        | {
            "variant": variant,
            "auroc": roc_auc_score(task.anomalous, -scores),
            "ap": average_precision_score(task.anomalous, -scores),
        }
        for variant, scores in _variants(task, protocol, seed)
    ]


def _variants(task: Task, protocol: str, seed: int) -> Iterator[tuple[str, Floats]]:
    default = _fitted(task, protocol, seed)
    yield "default", default.score_samples(task.test)
    model = default.model_
    cells = model.encoder.transform(task.test)
    bounds = np.array([[member.bounds(cells) for member in ensemble] for ensemble in model.ensembles])
    weights = np.array([member.weight for member in model.ensembles[0]])
    names = ["linear member", "histogram", "network"] if len(weights) == 3 else ["linear member", "network"]
    for position, name in enumerate(names):
        yield f"{name} alone", bounds[:, position].max(axis=0)
        others = np.where(np.arange(len(names)) == position, 0.0, weights)
        yield f"without the {name}", _combined(bounds, others).max(axis=0)
    yield "plain sum of nats", bounds.sum(axis=1).max(axis=0)
    yield "mean of the ensembles", _combined(bounds, weights).mean(axis=0)
    for variant, changes in CHANGES[protocol].items():
        yield variant, _fitted(task, protocol, seed, changes).score_samples(task.test)
    for variant, changes in LINEAR_CHANGES[protocol].items():
        yield variant, _fitted(task, protocol, seed, {}, changes).score_samples(task.test)
    with patch.object(_splits, "MOST_ROWS", 0):
        yield "no cross-fitting", _fitted(task, protocol, seed).score_samples(task.test)
    if protocol == "outlier":
        yield "recipe for clean rows", _fitted(task, "novelty", seed).score_samples(task.test)


def _combined(bounds: Floats, weights: Floats) -> Floats:
    """Weighted sums of bounds (n_ensembles, n_members, n_rows), shape (n_ensembles, n_rows)."""
    return np.asarray(np.einsum("m,emr->er", weights, bounds))


def _fitted(
    task: Task,
    protocol: str,
    seed: int,
    changes: dict[str, Any] | None = None,
    linear: dict[str, Any] | None = None,
) -> TabularVAEDetector:
    detector = Changed(novelty=protocol == "novelty", random_state=seed)
    detector.changes, detector.linear = changes or {}, linear or {}
    return detector.fit(task.train)


def main() -> None:
    """Print the means of each variant, over all tables and over every other one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--cap", type=int, default=10_000, help="maximum number of rows of a table")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    paths = sorted(options.folder.rglob("*.npz")) if options.folder else []
    if not paths:
        print("ablation: skipped: give the path of a folder with ADBench's .npz files")
        return
    tasks = [(path, p, int(seed)) for seed in options.seeds.split(",") for p in PROTOCOLS for path in paths]
    results = Parallel(options.jobs)(delayed(measure)(*task, options.cap) for task in tasks)
    records = pd.DataFrame([record for result in results for record in result])
    means = records.groupby(["protocol", "variant"])[["auroc", "ap"]].mean()
    by_table = records.pivot_table(index="table", columns=["protocol", "variant"], values="auroc")
    for half in (0, 1):
        means[f"half {half}"] = by_table[half::2].mean()
    print(means.sort_values(["protocol", "auroc"], ascending=[True, False]).round(4).to_string())


if __name__ == "__main__":
    main()
