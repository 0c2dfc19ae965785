"""What verdicts are worth: an analyst, simulated by labels, judges rows, and the detector learns from them.

    python benchmarks/verdicts.py FOLDER... [--seeds 0,1,2] [--cap 2000] [--jobs 2] [--limit N]

FOLDER holds tables as those of ``benchmarks/detection.py``, in one subfolder per group. A table is divided
into two halves. All figures are average precision (AP) on the second half, unless they say otherwise.

contaminated: the detector is fitted on the first half, anomalies included. The analyst is asked about its
worst row, 50 times, and the detector learns after each of the first 10 verdicts, then after every second,
from the 30th on after every fifth. ``found`` are the anomalies among the rows asked, as a multiple of those
among the 50 worst rows of the detector without verdicts. The peers are trained on the same verdicts.
``wrong`` is the
AP after 50 verdicts of which one in five is wrong, the mean of four draws.
clean: the detector is fitted on half of the normal rows of the first half, and learns from ten anomalies.
false alarms: normal rows with one number moved by 6 standard deviations are judged normal, 20 of them.
``left`` is the share of the alerts on new rows of this kind that is left, ``recall`` the change of the recall
of the true anomalies, both at the detector's own threshold.

Without a folder only the seconds of ``learn`` with 1,000 verdicts and 100,000 calibration rows are measured.
PyOD's XGBOD needs the packages pyod and xgboost, and is skipped without them.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one thread per task: tasks run in parallel

import argparse
import importlib.util
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _tables import Floats, Rows, Task, as_standardised, find_tables, load_halves, take
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from anomaly_vae import TabularVAEDetector

N_ASKED = 50
SHOWN = (10, 20, 50)
WRONG, N_DRAWS = 0.2, 4
N_KNOWN = 10
N_ALIKE = 20
SHIFT = 6.0

Integers = NDArray[np.int64]


# -------------------------------------------------------------------------------------------- analyst
def asked(detector: TabularVAEDetector, X: Rows, y: Integers, wrong: float, seed: int) -> Iterator[Any]:
    """The detector that learned, rows asked and their verdicts, for each number of verdicts in SHOWN."""
    random, rows, verdicts = np.random.RandomState(seed), [], []
    learned, n_learned, scores = detector, 0, detector.score_samples(X)
    for n in range(1, min(N_ASKED, len(X) - 1) + 1):
        rows.append(int(np.where(np.isin(np.arange(len(scores)), rows), np.inf, scores).argmin()))
        is_anomalous = bool(y[rows[-1]]) != (random.random_sample() < wrong)
        verdicts.append(-1 if is_anomalous else 1)
        if n in SHOWN or n % (1 if n < 10 else 2 if n < 30 else 5) == 0:
            new = np.array(rows[n_learned:])
            learned, n_learned = learned.learn(take(X, new), verdicts[n_learned:]), n
            scores = learned.score_samples(X)
        if n in SHOWN:
            yield n, learned, np.array(rows), np.array(verdicts)


def contaminated(path: Path, cap: int, seed: int) -> dict[str, float]:
    X, y, unseen, truth = load_halves(path, cap, seed)
    detector = TabularVAEDetector(random_state=seed).fit(X)
    found: dict[str, float] = {"none": average_precision(truth, -detector.score_samples(unseen))}
    scaled = as_standardised(Task(X, unseen, truth))
    for n, learned, rows, verdicts in asked(detector, X, y, 0.0, seed):
        found[f"after {n}"] = average_precision(truth, -learned.score_samples(unseen))
        for name, scores in peers(scaled, rows, verdicts, n):
            usable = found["none"] if scores is None else average_precision(truth, scores)
            found[f"{name} {n}"] = usable
        worst = np.argsort(detector.score_samples(X), kind="stable")[: len(rows)]
        found["found"], found["found plain"] = float(y[rows].sum()), float(y[worst].sum())
    ends = [
        average_precision(truth, -learned.score_samples(unseen))
        for draw in range(N_DRAWS)
        for n, learned, _, _ in asked(detector, X, y, WRONG, draw)
        if n == SHOWN[-1]
    ]
    return found | ({"wrong": float(np.mean(ends))} if ends else {})


def peers(task: Task, rows: Integers, verdicts: Integers, n: int) -> Iterator[tuple[str, Floats | None]]:
    """Scores of classifiers that are trained on the same verdicts; None if these are all alike."""
    models: dict[str, Any] = {
        "forest": RandomForestClassifier(100, random_state=0),
        "logistic": LogisticRegression(max_iter=1000),
    }
    if n == SHOWN[-1] and importlib.util.find_spec("pyod") and importlib.util.find_spec("xgboost"):
        from pyod.models.xgbod import XGBOD

        models["XGBOD"] = XGBOD(random_state=0)
    labels = (verdicts < 0).astype(int)
    for name, model in models.items():
        if labels.min() == labels.max():
            yield name, None
            continue
        model.fit(task.train[rows], labels)
        is_classifier = hasattr(model, "classes_") and name != "XGBOD"
        yield (
            name,
            model.predict_proba(task.test)[:, 1] if is_classifier else model.decision_function(task.test),
        )


# ---------------------------------------------------------------------------------------------- clean
def clean(path: Path, cap: int, seed: int) -> dict[str, float]:
    X, y, unseen, truth = load_halves(path, cap, seed)
    random = np.random.RandomState(seed)
    normal, anomalies = (random.permutation(np.flatnonzero(y == label)) for label in (0, 1))
    detector = TabularVAEDetector(novelty=True, random_state=seed).fit(take(X, normal[::2]))
    learned = detector.learn(take(X, anomalies[:N_KNOWN]), np.full(len(anomalies[:N_KNOWN]), -1))
    found = {
        "clean": average_precision(truth, -detector.score_samples(unseen)),
        "clean + 10": average_precision(truth, -learned.score_samples(unseen)),
    }
    return found | false_alarms(detector, take(X, normal[1::2]), unseen, truth, random)


def false_alarms(
    detector: TabularVAEDetector, normal: Rows, unseen: Rows, truth: Integers, random: np.random.RandomState
) -> dict[str, float]:
    """Alerts before and after 20 verdicts that rows of one kind are normal."""
    numeric = [
        j
        for j, column in enumerate(detector.schema_.columns)
        if column.kind == "numeric" and not column.detail
    ]
    if not numeric or len(normal) < N_ALIKE:
        return {}
    column = numeric[random.randint(len(numeric))]
    judged, new = moved(normal, column), moved(take(unseen, np.flatnonzero(truth == 0)), column)
    alarms = detector.predict(judged) == -1
    alike = random.permutation(np.flatnonzero(alarms))[:N_ALIKE]
    before = (detector.predict(new) == -1).mean()
    if len(alike) < N_ALIKE or not before:
        return {}
    learned = detector.learn(take(judged, alike), np.ones(N_ALIKE, dtype=int))
    anomalies = take(unseen, np.flatnonzero(truth == 1))
    recall = [(model.predict(anomalies) == -1).mean() for model in (detector, learned)]
    return {"left": (learned.predict(new) == -1).mean() / before, "recall": recall[1] - recall[0]}


def moved(X: Rows, column: int) -> Rows:
    """The rows with one number moved by 6 standard deviations."""
    if isinstance(X, np.ndarray):
        X = X.copy()
        X[:, column] += SHIFT * max(np.nanstd(X[:, column]), 1e-9)
        return X
    cells = X.iloc[:, column].astype(float)
    X = X.copy()
    X.isetitem(column, cells + SHIFT * max(cells.std(), 1e-9))
    return X


def average_precision(truth: Integers, scores: Floats) -> float:
    return float(average_precision_score(truth, scores))


# -------------------------------------------------------------------------------------------- seconds
def seconds_of_learn() -> tuple[float, int]:
    """Seconds of ``learn`` with 1,000 verdicts, and the number of calibration rows."""
    random = np.random.default_rng(0)
    X = random.normal(size=(400_000, 20)) @ random.normal(size=(20, 20))
    detector = TabularVAEDetector(max_steps=20, validation_fraction=0.25, random_state=0).fit(X)
    started = time.perf_counter()
    learned = detector.learn(3.0 * X[:1000], np.where(X[:1000, 0] > 0, 1, -1))
    return time.perf_counter() - started, len(learned.calibration_scores_)


# -------------------------------------------------------------------------------------------- summary
def measured(path: Path, cap: int, seed: int) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found: dict[str, Any] = contaminated(path, cap, seed) | clean(path, cap, seed)
        except ValueError as error:
            return {"group": path.parent.name, "table": path.stem, "skipped": str(error)[:100]}
    return {"group": path.parent.name, "table": path.stem, "seed": seed, **found}


def summary(records: pd.DataFrame) -> pd.DataFrame:
    """Means by group and of all, with the differences that matter."""
    numbers = records.columns.drop(["group", "table", "seed", "skipped"], errors="ignore")
    means = pd.concat([records.groupby("group")[numbers].mean(), records[numbers].mean().to_frame("all").T])
    means["found ratio"] = means.pop("found") / means.pop("found plain")
    for name in [*(f"after {n}" for n in SHOWN), "wrong"]:
        means[f"{name} - none"] = means[name] - means["none"]
    means["clean + 10 - clean"] = means["clean + 10"] - means["clean"]
    return means.T.round(3)


def main() -> None:
    """Print the means by group, the worst table with wrong verdicts, and the seconds of ``learn``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--cap", type=int, default=2_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    paths = find_tables(options.folders)[: options.limit]
    if not paths:
        print("verdicts: tables skipped: give folders with .npz or .csv.gz files")
    else:
        tasks = [
            delayed(measured)(path, options.cap, int(s)) for s in options.seeds.split(",") for path in paths
        ]
        records = pd.DataFrame(Parallel(options.jobs)(tasks))
        for row in records[records.get("skipped", pd.Series(index=records.index)).notna()].itertuples():
            print(f"{row.table}: skipped: {row.skipped}")
        print(f"{len(paths)} tables, seeds {options.seeds}")
        print(summary(records).to_string())
    seconds, n_rows = seconds_of_learn()
    print(f"\nlearn with 1,000 verdicts and {n_rows:,} calibration rows: {seconds:.2f} s")


if __name__ == "__main__":
    main()
