"""sample_peers: scores of an isolation forest and of nearest neighbours beside ours, on a sample of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.columns.frames import converted
from anomaly_vae_pipelines.records import Label
from anomaly_vae_pipelines.runs.scored_sample import Sampled
from anomaly_vae_pipelines.scoring.evaluation import (
    ANOMALOUS,
    evaluate_scores,
    kinds_of,
    rank_correlation,
)
from anomaly_vae_pipelines.scoring.tables import Scorer

Floats = NDArray[np.float64]

LEAST_ROWS = 20
"""Rows without which detectors are not compared."""

N_WORST = 20
"""Rows with the lowest scores that are compared."""

N_TREES, N_NEIGHBOURS = 100, 5
"""Trees of the isolation forest, and the neighbour whose distance counts: scikit-learn's defaults."""


def sample_peers(
    sampled: Sampled | None, scorer: Scorer, offset: float, label: Label | None
) -> dict[str, Any]:
    """Compare our scores of sampled rows with those of other detectors, which are fitted on the same rows.

    The others see the cells as the model's own encoder gives them to its networks; a missing cell is 0, the
    middle of its column.

    Parameters
    ----------
    sampled : Sampled or None
        None without rows.
    scorer : Scorer
    offset : float
        Our threshold in nats.
    label : Label, optional
        Which rows are normal; adds the average precision and the AUROC of each detector.

    Returns
    -------
    dict
        JSON values; "problem" is None, or says why nothing was compared.
    """
    if sampled is None or len(sampled.scores) < LEAST_ROWS:
        return {"problem": f"there are fewer than {LEAST_ROWS} rows", "detectors": []}
    encoded = scorer.detector.model_.encoder.transform(converted(scorer.prepared(sampled.rows)))
    cells = np.nan_to_num(np.asarray(encoded, dtype=np.float64), nan=0.0)
    kinds = None if label is None else kinds_of(sampled.rows, label)
    found = [
        ("this model", "", sampled.scores),
        ("isolation forest", f"{N_TREES} trees, each of 256 rows", _isolation_forest(cells)),
        ("nearest neighbours", f"distance to neighbour {N_NEIGHBOURS}", _nearest_neighbours(cells)),
    ]
    detectors = [
        {
            "name": name,
            "settings": settings,
            "rank_correlation": rank_correlation(sampled.scores, scores),
            "shared_worst": len(_worst(sampled.scores) & _worst(scores)),
            **_ranking(scores, kinds, offset),
        }
        for name, settings, scores in found
    ]
    n_worst = len(_worst(sampled.scores))
    return {"problem": None, "n_rows": len(cells), "n_worst": n_worst, "detectors": detectors}


def _isolation_forest(cells: Floats) -> Floats:
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=N_TREES, random_state=0)
    return np.asarray(forest.fit(cells).score_samples(cells), dtype=np.float64)


def _nearest_neighbours(cells: Floats) -> Floats:
    """Minus the distance to the farthest of the neighbours; a row is not its own neighbour."""
    from sklearn.neighbors import NearestNeighbors

    distances, _ = NearestNeighbors(n_neighbors=N_NEIGHBOURS).fit(cells).kneighbors()
    return -np.asarray(distances[:, -1], dtype=np.float64)


def _worst(scores: Floats) -> set[int]:
    """Positions of the lowest scores; of equal scores, the first."""
    return set(np.argsort(scores, kind="stable")[:N_WORST].tolist())


def _ranking(scores: Floats, kinds: NDArray[np.int8] | None, offset: float) -> dict[str, float | None]:
    if kinds is None:
        return {"average_precision": None, "auroc": None}
    known = kinds != 0
    found = evaluate_scores(scores[known], kinds[known] == ANOMALOUS, scores[known] < offset, offset)
    return {"average_precision": found.average_precision, "auroc": found.auroc}
