"""The demo: fits and scores the breast-cancer data of scikit-learn with the functions of the commands.

The model is fitted on the benign rows of one half of the data. The other half is scored; malignant rows
should be anomalous.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from anomaly_vae_pipelines.reasons import Reason
from anomaly_vae_pipelines.records import Evaluation, FitSummary, Label, ScoreSummary
from anomaly_vae_pipelines.runs.evaluate import evaluate_file, scored_rows
from anomaly_vae_pipelines.runs.fit import fit_file
from anomaly_vae_pipelines.runs.score import ScoreRun
from anomaly_vae_pipelines.runs.table_writing import write_table
from anomaly_vae_pipelines.scoring.model_files import OpenedModel, open_model
from anomaly_vae_pipelines.scoring.options import ScoreOptions

LABEL = Label("diagnosis", "benign")
ID = "patient"

_LABEL_OPTIONS = f"--label {LABEL.column} --normal {LABEL.normal}"
COMMANDS = (
    f"anomaly-vae fit train.csv -o model.avae {_LABEL_OPTIONS} --id {ID} --force",
    "anomaly-vae score model.avae test.csv -o scored.csv --force",
    f"anomaly-vae evaluate model.avae test.csv {_LABEL_OPTIONS}",
)
"""Commands that do the same as the demo, in its directory."""

FILES = ("train.csv", "test.csv", "model.avae", "scored.csv")
"""Files of the demo, in its directory."""

NEXT = "anomaly-vae serve model.avae"
"""Command to try next, in the same directory."""


@dataclass(frozen=True)
class DemoAnomaly:
    """An anomalous row: its ID, its true label, its score in nats, p-value and severity, and the reasons."""

    name: str
    truth: str
    score: float
    p_value: float
    severity: float
    reasons: Sequence[Reason]


@dataclass(frozen=True)
class Demo:
    """Result of a demo: its directory, the equivalent commands, their results, and what to try next.

    ``peers`` has the AUROC of other detectors on the same rows.
    """

    directory: str
    commands: Sequence[str]
    next: str
    fit: FitSummary
    score: ScoreSummary
    evaluation: Evaluation
    peers: Mapping[str, float]
    anomalies: Sequence[DemoAnomaly]


def run_demo(directory: Path, *, n_anomalies: int = 5, verbose: int = 0, force: bool = False) -> Demo:
    """Write the data to a directory, and fit, score and evaluate there.

    Raises OutputExistsError if a file of the demo exists and ``force`` is false.
    """
    train, test, path, scored = (str(directory / name) for name in FILES)
    _write_tables(train, test, force)
    parameters = {"novelty": True, "random_state": 0, "verbose": verbose}
    fit = fit_file(train, path, label=LABEL, left_out=[ID], parameters=parameters, force=force)
    model = open_model(path)
    score = ScoreRun(model, [test], scored, ScoreOptions(force=force))()
    evaluation = evaluate_file(model, test, LABEL)
    anomalies = _anomalies(model, test, n_anomalies)
    peers = _peers(train, test)
    return Demo(str(directory), COMMANDS, NEXT, fit, score, evaluation, peers, anomalies)


def _write_tables(train: str, test: str, force: bool) -> None:
    bunch = load_breast_cancer(as_frame=True)
    names = [f"{number:03d}" for number in range(1, len(bunch.data) + 1)]
    table = bunch.data.assign(**{LABEL.column: bunch.target.map({0: "malignant", 1: LABEL.normal})})
    table.insert(0, ID, names)
    halves = train_test_split(table, test_size=0.5, stratify=bunch.target, random_state=0)
    for path, half in zip((train, test), halves, strict=True):
        write_table(half, path, force=force)


def _peers(train: str, test: str) -> dict[str, float]:
    """AUROC of detectors that are fitted on the same rows, with standardised columns."""
    fitted, scored = pd.read_csv(train), pd.read_csv(test)
    normal = fitted[fitted[LABEL.column] == LABEL.normal]
    scaler = StandardScaler().fit(normal.drop(columns=[ID, LABEL.column]))
    x, new = (scaler.transform(rows.drop(columns=[ID, LABEL.column])) for rows in (normal, scored))
    distances, _ = NearestNeighbors(n_neighbors=5).fit(x).kneighbors(new)
    anomalous = scored[LABEL.column] != LABEL.normal
    return {
        "isolation forest": float(
            roc_auc_score(anomalous, -IsolationForest(random_state=0).fit(x).score_samples(new))
        ),
        "kNN": float(roc_auc_score(anomalous, distances.mean(axis=1))),
    }


def _anomalies(model: OpenedModel, test: str, n_anomalies: int) -> list[DemoAnomaly]:
    """Return the rows with the lowest scores, lowest first."""
    scorer = model.adapter.scorer(explain="all", expected=True)
    (scored,) = scored_rows(scorer, model.adapter.inputs([test]), [ID, LABEL.column])
    names, truths = scored.rows.cells(ID), scored.rows.cells(LABEL.column)
    return [
        DemoAnomaly(
            names[i],
            truths[i],
            float(scored.scores[i]),
            float(scored.p_values[i]),
            float(scored.severities[i]),
            scored.reasons[int(i)],
        )
        for i in scored.scores.argsort(kind="stable")[:n_anomalies]
    ]
