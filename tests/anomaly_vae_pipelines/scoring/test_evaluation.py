"""How well scores find what a label calls anomalous."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.records import Label, ScoredRows
from anomaly_vae_pipelines.scoring.evaluation import evaluate, evaluate_scores
from tests.anomaly_vae_pipelines.conftest import text_rows

LABEL = Label("label", "ok")


def batch(labels: list[str], scores: list[float]) -> ScoredRows:
    values = np.array(scores)
    return ScoredRows(
        text_rows(("label",), [[label] for label in labels]), values, values, values, values < 0, {}
    )


def test_lower_scores_of_anomalies_are_a_perfect_order():
    """Anomalies are the positives, and a low score says anomalous."""
    result = evaluate([batch(["ok", "bad"], [1.0, -1.0]), batch(["ok", "worse"], [2.0, -2.0])], LABEL, 0.0)
    assert (result.auroc, result.average_precision) == (1.0, 1.0)
    assert (result.n_normal, result.n_anomalous, result.n_alerts, result.n_hits) == (2, 2, 2, 2)


def test_a_reversed_order_is_the_worst():
    """Nothing flips a sign on the way."""
    assert evaluate([batch(["ok", "bad"], [-1.0, 1.0])], LABEL, 0.0).auroc == 0.0


def test_counts_are_taken_at_the_threshold():
    """A row on the threshold raises no alert, as in predict."""
    result = evaluate([batch(["ok", "ok", "bad", "bad"], [-3.0, 0.0, -1.0, 0.0])], LABEL, 0.0)
    assert (result.precision, result.recall, result.false_alarm_rate) == (0.5, 0.5, 0.5)


def test_rows_without_a_label_count_for_nothing():
    """An empty label is neither normal nor anomalous, unless empty is what normal means."""
    scored = batch(["ok", "bad", ""], [1.0, -1.0, -5.0])
    result = evaluate([scored], LABEL, 0.0)
    assert (result.n_normal, result.n_anomalous, result.n_unlabelled, result.n_alerts) == (1, 1, 1, 1)
    assert evaluate([scored], Label("label", ""), 0.0).n_anomalous == 2


@pytest.mark.parametrize("labels", [["ok", "ok"], ["bad", "bad"], [], [""]])
def test_rows_of_one_kind_cannot_be_compared(labels):
    """The message says how many rows are normal and what was wanted."""
    with pytest.raises(InputError, match=r"labelled rows have 'ok' in column 'label'; wanted at least one"):
        evaluate([batch(labels, [1.0] * len(labels))], LABEL, 0.0)


@pytest.mark.parametrize("seed", range(5))
def test_both_measures_are_those_of_scikit_learn(seed):
    """Also for equal scores."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=200).round(random.integers(3))
    anomalous = random.random(200) < 0.3
    result = evaluate_scores(scores, anomalous, scores < 0.0, 0.0)
    assert result.auroc == pytest.approx(roc_auc_score(anomalous, -scores), rel=1e-12)
    assert result.average_precision == pytest.approx(average_precision_score(anomalous, -scores), rel=1e-12)
