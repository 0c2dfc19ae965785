"""One model per key beside a single model and independent fits, on tables of which one column is a key.

    python benchmarks/keys.py TABLE.csv.gz:KEY ... [--rows 200] [--protocol novelty] [--independent 3]

A table has a column `label` (`normal` or `anomaly`). Of each key with at least 100 normal rows, half of
these are fitted on, at most --rows; up to 400 others and up to 200 anomalies are scored. With `--protocol
outlier`, a twentieth of the rows to fit on are anomalies. Two tasks:

labels   the anomalies of the table
swapped  normal rows, of which 15 % get the key of a row of another key: unusual for their key only

Measured is the mean AUROC within keys, of a model without the key, one with the key as a category, PerKey,
and detectors that are fitted on the rows of one key; the last on the first few keys only, with PerKey on the
same keys beside it (*).
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from anomaly_vae import PerKey, TabularVAEDetector

LEAST_NORMAL, MOST_SCORED, MOST_ANOMALIES = 100, 400, 200
SWAPPED = 0.15
MODELS = ("without", "category", "PerKey")
Floats = NDArray[np.float64]


class Task(NamedTuple):
    """Rows to fit on, rows to score, and which of the latter are anomalous."""

    train: pd.DataFrame
    test: pd.DataFrame
    anomalous: NDArray[np.bool_]


def load_task(path: Path, key: str, task: str, n_rows: int, share: float) -> Task:
    """The rows of a table, for one of the two tasks."""
    X = pd.read_csv(path)
    anomalous = (X.pop("label") == "anomaly").to_numpy()
    X[key] = X[key].astype(str)
    random, train, test = np.random.RandomState(0), [], []
    for rows in X.groupby(key).indices.values():
        normal, odd = random.permutation(rows[~anomalous[rows]]), random.permutation(rows[anomalous[rows]])
        if len(normal) < LEAST_NORMAL:
            continue
        n_train = min(len(normal) // 2, n_rows)
        n_odd = min(round(share * n_train), len(odd) // 2)
        train += [normal[: n_train - n_odd], odd[:n_odd]]
        test += [normal[n_train:][:MOST_SCORED], odd[n_odd:][:MOST_ANOMALIES]]
    fitted, scored = np.concatenate(train), np.concatenate(test)
    some = Task(
        X.iloc[fitted].reset_index(drop=True), X.iloc[scored].reset_index(drop=True), anomalous[scored]
    )
    return some if task == "labels" else _swapped(some, key, random)


def _swapped(task: Task, key: str, random: np.random.RandomState) -> Task:
    """The normal rows, some of which have the key of a training row with another one."""
    test = task.test[~task.anomalous].reset_index(drop=True)
    others = task.train[key].to_numpy()[random.randint(len(task.train), size=len(test))]
    moved = (random.random_sample(len(test)) < SWAPPED) & (others != test[key].to_numpy())
    return Task(task.train, test.assign(**{key: np.where(moved, others, test[key])}), moved)


def scores_of(
    task: Task, key: str, n_independent: int, **settings: Any
) -> tuple[dict[str, Floats], list[str]]:
    """The scores of each model, and the keys with independent fits."""
    train, test = task.train, task.test
    plain = train.drop(columns=key), test.drop(columns=key)
    keyed = PerKey(TabularVAEDetector(**settings), key=key).fit(train)
    found = {
        "without": TabularVAEDetector(**settings).fit(plain[0]).score_samples(plain[1]),
        "category": TabularVAEDetector(**settings).fit(train).score_samples(test),
        "PerKey": keyed.score_samples(test),
        "alarms": np.where(keyed.predict(test) == -1, 1.0, 0.0),
    }
    chosen = [name for name in sorted(train[key].unique()) if _is_measured(task, key, name)][:n_independent]
    alone = np.zeros(len(test))
    for name in chosen:
        rows, new = train[key] == name, (test[key] == name).to_numpy()
        alone[new] = TabularVAEDetector(**settings).fit(plain[0][rows]).score_samples(plain[1][new])
    return found | {"independent": alone}, chosen


def _is_measured(task: Task, key: str, name: str) -> bool:
    odd = task.anomalous[task.test[key] == name]
    return bool(odd.sum() >= 5 and (~odd).sum() >= 5)


def within(task: Task, key: str, scores: Floats, names: list[str]) -> float:
    """Mean AUROC of the rows of each key."""
    chosen = [(task.test[key] == name).to_numpy() for name in names]
    return float(np.mean([roc_auc_score(~task.anomalous[rows], scores[rows]) for rows in chosen]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+", metavar="TABLE:KEY")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--protocol", choices=["novelty", "outlier"], default="novelty")
    parser.add_argument("--independent", type=int, default=3)
    options = parser.parse_args()
    settings = {"novelty": options.protocol == "novelty", "random_state": 0}
    share = 0.0 if settings["novelty"] else 0.05
    warnings.simplefilter("ignore")
    results = []
    for task_name in ("labels", "swapped"):
        for given in options.tables:
            path, _, key = given.rpartition(":")
            task = load_task(Path(path), key, task_name, options.rows, share)
            started = time.perf_counter()
            scores, chosen = scores_of(task, key, options.independent, **settings)
            names = [name for name in sorted(task.test[key].unique()) if _is_measured(task, key, name)]
            row = {
                "task": task_name,
                "table": f"{Path(path).name.partition('.')[0]}/{key}",
                "keys": len(names),
            }
            row |= {model: within(task, key, scores[model], names) for model in MODELS}
            if chosen:
                row |= {
                    f"{one} *": within(task, key, scores[one], chosen) for one in ("PerKey", "independent")
                }
            row["alarms"] = float(scores["alarms"][~task.anomalous].mean())
            results.append(row)
            shown = "  ".join(
                f"{name} {value:.3f}" if isinstance(value, float) else str(value)
                for name, value in row.items()
            )
            print(f"{shown}  ({time.perf_counter() - started:.0f} s)", flush=True)
    print(pd.DataFrame(results).groupby("task").mean(numeric_only=True).round(3).to_string())


if __name__ == "__main__":
    main()
