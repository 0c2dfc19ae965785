"""Evaluation of scores against a label of normal and anomalous rows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae.score_bins import ScoreBins
from anomaly_vae_pipelines.dialects.missing import MISSING
from anomaly_vae_pipelines.records import Evaluation, Label, Rows, ScoredRows

NORMAL, ANOMALOUS = 1, -1
"""Kinds of known rows, with the signs of scikit-learn."""


def evaluate(pieces: Iterable[ScoredRows], label: Label, offset: float | None) -> Evaluation:
    """Compare scored rows with a label; rows with an empty label are ignored.

    ``offset`` is the threshold in nats; None if each key has its own. Raises InputError unless there are both
    normal and anomalous rows.
    """
    kinds, scores, flagged = [np.empty(0, dtype=np.int8)], [np.empty(0)], [np.empty(0, dtype=bool)]
    for piece in pieces:
        kinds.append(kinds_of(piece.rows, label))
        scores.append(piece.scores)
        flagged.append(piece.is_anomaly)
    kind, all_scores, alerts = np.concatenate(kinds), np.concatenate(scores), np.concatenate(flagged)
    known = kind != 0
    check_both_kinds(int((kind == NORMAL).sum()), int(known.sum()), label)
    anomalous = kind[known] == ANOMALOUS
    n_unlabelled = int((~known).sum())
    return evaluate_scores(all_scores[known], anomalous, alerts[known], offset, n_unlabelled=n_unlabelled)


def check_both_kinds(n_normal: int, n_known: int, label: Label) -> None:
    """Raise InputError unless some of the labelled rows are normal and some are not."""
    if n_normal in (0, n_known):
        raise InputError(
            f"{n_normal} of {n_known} labelled rows have {label.normal!r} in column {label.column!r}; "
            f"wanted at least one normal and one anomalous row"
        )


def kinds_of(rows: Rows, label: Label) -> NDArray[np.int8]:
    """Return NORMAL or ANOMALOUS for each row by its label, and 0 for an empty label, shape (n_rows,)."""
    texts = rows.cells(label.column)
    kinds = [NORMAL if text == label.normal else ANOMALOUS * (text.strip() not in MISSING) for text in texts]
    return np.array(kinds, dtype=np.int8)


def evaluate_scores(
    scores: NDArray[np.float64],
    anomalous: NDArray[np.bool_],
    alerts: NDArray[np.bool_],
    offset: float | None,
    *,
    n_unlabelled: int = 0,
) -> Evaluation:
    """Compare scores and ``alerts``, the rows that are flagged, with ``anomalous``.

    Measures that need both kinds of rows are None without them.
    """
    both = bool(anomalous.any() and not anomalous.all())
    counts = _counts(scores, anomalous) if both else None
    groups = {"normal": scores[~anomalous], "anomalous": scores[anomalous]}
    return Evaluation(
        n_normal=int((~anomalous).sum()),
        n_anomalous=int(anomalous.sum()),
        n_unlabelled=n_unlabelled,
        auroc=_auroc(*counts) if counts else None,
        average_precision=_average_precision(*counts) if counts else None,
        offset=offset,
        n_alerts=int(alerts.sum()),
        n_hits=int((alerts & anomalous).sum()),
        histogram=None if offset is None else ScoreBins.of(groups, offset),
    )


def rank_correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    """Spearman's correlation of two arrays of shape (n_rows,); None if all values of one are equal."""
    from scipy.stats import rankdata

    ranks = [rankdata(scores) for scores in (first, second)]
    if any(np.ptp(rank) == 0 for rank in ranks):
        return None
    return float(np.corrcoef(*ranks)[0, 1])


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
