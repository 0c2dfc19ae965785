"""What each part of the defaults is worth: one thing changed at a time, over a folder of ADBench tables.

    python benchmarks/ablation.py FOLDER [--seeds 0] [--cap 10000] [--jobs 2]

FOLDER and the protocols are those of detection.py.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one thread a task: the tasks run side by side

import argparse
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _tables import PROTOCOLS, Floats, Task, load_task
from joblib import Parallel, delayed
from sklearn.metrics import average_precision_score, roc_auc_score

from anomaly_vae import TabularVAEDetector
from anomaly_vae.detectors._recipe import ClosedForm, Recipe
from anomaly_vae.schema import Schema

CHANGES: dict[str, dict[str, dict[str, Any]]] = {
    "novelty": {
        "N(0, I) for exemplars": {"closed_form": ClosedForm.LINEAR},
        "no input noise": {"input_noise": 0.0},
        "noise floor 0.3": {"noise_floor": 0.3},
        "closed-form weight 1": {"closed_form_weight": 1.0},
    },
    "outlier": {
        "linear closed form": {"closed_form": ClosedForm.LINEAR},
        "Gaussian noise": {"degrees_of_freedom": math.inf},
        "no trimming": {"keep": 1.0},
        "noise floor 0.3": {"noise_floor": 0.3},
    },
}


class Changed(TabularVAEDetector):
    """The detector with some settings of its recipe replaced."""

    changes: dict[str, Any]

    def _recipe(self, n_rows: int, schema: Schema) -> Recipe:
        return super()._recipe(n_rows, schema).override(**self.changes)


def measure(path: Path, protocol: str, seed: int, cap: int) -> list[dict[str, Any]]:
    """A record for each variant on one task."""
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
    closed_form, network = (
        member.terms(model.encoder.transform(task.test)).sum(axis=1) for member in model.members
    )
    yield "closed-form member alone", closed_form
    yield "network alone", network
    yield "plain mean of nats", np.asarray(closed_form + network)
    for variant, changes in CHANGES[protocol].items():
        yield variant, _fitted(task, protocol, seed, **changes).score_samples(task.test)
    if protocol == "outlier":
        yield "recipe for clean rows", _fitted(task, "novelty", seed).score_samples(task.test)


def _fitted(task: Task, protocol: str, seed: int, **changes: Any) -> TabularVAEDetector:
    detector = Changed(novelty=protocol == "novelty", random_state=seed)
    detector.changes = changes
    return detector.fit(task.train)


def main() -> None:
    """Print the means of each variant, over all tables and over every other one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--cap", type=int, default=10_000, help="rows of a table at most")
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
