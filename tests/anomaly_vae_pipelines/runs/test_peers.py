"""Peers: other detectors on the same rows, compared as anyone could with scikit-learn and NumPy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from anomaly_vae import TabularVAEDetector, save
from anomaly_vae_pipelines.records import Label
from anomaly_vae_pipelines.runs.evaluate import scored_rows
from anomaly_vae_pipelines.runs.peers import LEAST_ROWS, N_WORST, sample_peers
from anomaly_vae_pipelines.runs.report import report_files
from anomaly_vae_pipelines.runs.scored_sample import ScoredSample
from anomaly_vae_pipelines.scoring.model_files import open_model
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table

LABEL = Label("label", "good")


@pytest.fixture
def sampled(model, tmp_path):
    """A scorer and a sample of some rows with missing cells."""

    def invoke(n_rows: int):
        adapter = open_model(model).adapter
        scorer, sample = adapter.scorer(), ScoredSample()
        path = write_table(tmp_path / "rows.csv", COLUMNS, orders(n_rows, seed=5))
        for scored in scored_rows(scorer, adapter.inputs([path]), ["label"]):
            sample.add(scored)
        return scorer, sample.sampled()

    return invoke


def test_the_figures_are_those_of_the_definitions(sampled):
    scorer, sample = sampled(120)
    found = sample_peers(sample, scorer, scorer.offset, LABEL)
    X = np.nan_to_num(scorer.detector.model_.encoder.transform(scorer.prepared(sample.rows))).astype(float)
    distances = np.linalg.norm(X[:, None] - X[None], axis=2)
    expected = {
        "this model": sample.scores,
        "isolation forest": IsolationForest(random_state=0).fit(X).score_samples(X),
        "nearest neighbours": -np.sort(distances, axis=1)[:, 5],  # the nearest is the row itself
    }
    bad = np.array(sample.rows.cells("label")) != "good"
    worst = set(np.argsort(sample.scores, kind="stable")[:N_WORST])
    assert [one["name"] for one in found["detectors"]] == list(expected)
    for one in found["detectors"]:
        scores = expected[one["name"]]
        assert one["rank_correlation"] == pytest.approx(spearmanr(sample.scores, scores).statistic)
        assert one["shared_worst"] == len(worst & set(np.argsort(scores, kind="stable")[:N_WORST]))
        assert one["average_precision"] == pytest.approx(average_precision_score(bad, -scores))
        assert one["auroc"] == pytest.approx(roc_auc_score(bad, -scores))
    assert (found["n_rows"], found["n_worst"], found["problem"]) == (120, N_WORST, None)


def test_without_a_label_only_the_rankings_are_compared(sampled):
    scorer, sample = sampled(LEAST_ROWS)
    for one in sample_peers(sample, scorer, scorer.offset, None)["detectors"]:
        assert one["auroc"] is one["average_precision"] is None
        assert one["shared_worst"] == LEAST_ROWS


def test_the_cells_of_a_pipeline_are_those_after_its_steps(tmp_path):
    draw = np.random.default_rng(0)
    table = pd.DataFrame({"a": draw.normal(size=60), "kind": draw.choice(["x", "y"], 60)})
    detector = TabularVAEDetector(
        max_steps=5, validation_fraction=0.5, hidden_sizes=(8,), latent_dim=1, random_state=0
    )
    steps = make_column_transformer(
        (StandardScaler(), ["a"]), (OneHotEncoder(), ["kind"]), sparse_threshold=1.0
    )
    path = str(tmp_path / "pipeline.avae")
    save(Pipeline([("encode", steps), ("detect", detector)]).fit(table), path)
    table.to_csv(tmp_path / "rows.csv", index=False)
    found = report_files(open_model(path), [str(tmp_path / "rows.csv")], peers=True)["data"]["peers"]
    assert (found["problem"], found["n_rows"]) == (None, 60)
    assert all(one["rank_correlation"] for one in found["detectors"])


def test_too_few_rows_are_not_compared(sampled):
    scorer, sample = sampled(LEAST_ROWS - 1)
    for few in (sample, None):
        found = sample_peers(few, scorer, scorer.offset, LABEL)
        assert "fewer than" in found["problem"]
        assert not found["detectors"]
