"""What choosing parameters by held-out ELBO, or by labels, is worth for finding anomalies.

    python benchmarks/tuning.py FOLDER... [--seed 0] [--cap 2000] [--step 2] [--jobs 1]

FOLDER holds tables as those of ``benchmarks/detection.py``. Each is divided into two stratified halves.
Parameters are chosen and the detector is fitted on the first, and scored on the second.

contaminated: the first half with its anomalies. clean: ``novelty=True``, the normal rows of the first half.
default: no parameter is chosen. elbo: ``tune`` without labels. labels: ``tune`` with the labels of the first
half, by average precision.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _tables import find_tables, load_halves, take
from sklearn.metrics import average_precision_score, roc_auc_score

from anomaly_vae import TabularVAEDetector, tune

PARAMETERS = {"latent_dim": ["auto", 2], "noise_floor": ["auto", 0.1, 0.5]}


def measured(path: Path, novelty: bool, cap: int, seed: int, jobs: int) -> list[dict[str, Any]]:
    """AUROC and average precision on the second half, by how parameters were chosen."""
    rows, y, unseen, truth = load_halves(path, cap, seed)
    detector = TabularVAEDetector(novelty=novelty, random_state=seed)
    known = take(rows, np.flatnonzero(y == 0)) if novelty else rows
    ways = {
        "default": lambda: (detector.fit(known), {}),
        "elbo": lambda: best(tune(detector, known, parameters=PARAMETERS, n_jobs=jobs)),
        "labels": lambda: best(
            tune(detector, rows, np.where(y == 1, -1, 1), parameters=PARAMETERS, n_jobs=jobs)
        ),
    }
    records = []
    for name, way in ways.items():
        started = time.perf_counter()
        model, chosen = way()
        scores = -model.score_samples(unseen)
        records.append(
            {
                "protocol": "clean" if novelty else "contaminated",
                "table": path.stem,
                "chosen by": name,
                "auroc": roc_auc_score(truth, scores),
                "ap": average_precision_score(truth, scores),
                "seconds": time.perf_counter() - started,
                "parameters": chosen,
            }
        )
    return records


def best(tuned: Any) -> tuple[Any, dict[str, Any]]:
    return tuned.best_estimator_, tuned.best_params_


def main() -> None:
    """Print the records, and means over the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cap", type=int, default=2_000, help="maximum number of rows of a table")
    parser.add_argument("--step", type=int, default=1, help="2: every second table")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    paths = find_tables(options.folders)[:: options.step]
    if not paths:
        print("tuning: skipped: give the path of a folder with ADBench's .npz files")
        return
    records = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for novelty in (False, True):
            for path in paths:
                found = measured(path, novelty, options.cap, options.seed, options.jobs)
                records += found
                print(pd.DataFrame(found).to_string(header=False, index=False), flush=True)
    table = pd.DataFrame(records)
    print(f"\n{len(paths)} tables, seed {options.seed}")
    print(table.groupby(["protocol", "chosen by"])[["auroc", "ap", "seconds"]].mean().round(4).to_string())


if __name__ == "__main__":
    main()
