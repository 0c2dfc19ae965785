"""Evaluation of scores against a label of normal and anomalous rows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.dialects.missing import MISSING
from anomaly_vae_pipelines.records import Evaluation, Label, ScoredRows


def evaluate(pieces: Iterable[ScoredRows], label: Label, offset: float) -> Evaluation:
    """Compare scored rows with a label; rows with an empty label are ignored.

    Raises InputError unless there are both normal and anomalous rows.
    """
    labels: list[str] = []
    scores = [np.empty(0)]
    for piece in pieces:
        labels += piece.rows.cells(label.column)
        scores.append(piece.scores)
    texts, all_scores = np.array(labels, dtype=object), np.concatenate(scores)
    normal = texts == label.normal
    known = normal | ~np.isin([text.strip() for text in labels], list(MISSING))
    anomalous = ~normal[known]
    if not anomalous.any() or anomalous.all():
        n_normal = int((~anomalous).sum())
        raise InputError(
            f"{n_normal} of {len(anomalous)} labelled rows have {label.normal!r} in column {label.column!r}; "
            f"wanted at least one normal and one anomalous row"
        )
    return evaluate_scores(all_scores[known], anomalous, offset, n_unlabelled=int((~known).sum()))


def evaluate_scores(
    scores: NDArray[np.float64], anomalous: NDArray[np.bool_], offset: float, *, n_unlabelled: int = 0
) -> Evaluation:
    """Compare scores with ``anomalous``, which must contain both true and false values."""
    alerts, counts = scores < offset, _counts(scores, anomalous)
    return Evaluation(
        n_normal=int((~anomalous).sum()),
        n_anomalous=int(anomalous.sum()),
        n_unlabelled=n_unlabelled,
        auroc=_auroc(*counts),
        average_precision=_average_precision(*counts),
        offset=offset,
        n_alerts=int(alerts.sum()),
        n_hits=int((alerts & anomalous).sum()),
    )


def _counts(
    scores: NDArray[np.float64], anomalous: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Anomalous and normal rows up to each distinct score, lowest first, both of shape (n_distinct,)."""
    distinct, position = np.unique(scores, return_inverse=True)
    anomalies = np.bincount(position, weights=anomalous, minlength=len(distinct)).astype(np.int64)
    rows = np.bincount(position, minlength=len(distinct))
    return anomalies.cumsum(), (rows - anomalies).cumsum()


def _auroc(hits: NDArray[np.int64], false_alarms: NDArray[np.int64]) -> float:
    """Area under the curve of recall against the false-alarm rate: trapezoids between distinct scores."""
    recall = np.concatenate([[0.0], hits / hits[-1]])
    rate = np.concatenate([[0.0], false_alarms / false_alarms[-1]])
    return float((np.diff(rate) * (recall[1:] + recall[:-1]) / 2.0).sum())


def _average_precision(hits: NDArray[np.int64], false_alarms: NDArray[np.int64]) -> float:
    """Mean of the precision at each distinct score, weighted by the anomalies that have it."""
    new = np.diff(hits, prepend=0)
    return float((new * (hits / (hits + false_alarms))).sum() / hits[-1])
