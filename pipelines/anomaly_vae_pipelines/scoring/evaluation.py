"""Evaluation of scores against a label of normal and anomalous rows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.records import Evaluation, Label, ScoredRows
from anomaly_vae_pipelines.sources.cells import MISSING


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
    alerts = scores < offset
    return Evaluation(
        n_normal=int((~anomalous).sum()),
        n_anomalous=int(anomalous.sum()),
        n_unlabelled=n_unlabelled,
        auroc=float(roc_auc_score(anomalous, -scores)),
        average_precision=float(average_precision_score(anomalous, -scores)),
        offset=offset,
        n_alerts=int(alerts.sum()),
        n_hits=int((alerts & anomalous).sum()),
    )
