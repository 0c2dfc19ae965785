"""A service of a model that has a threshold for each value of a column."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from starlette.testclient import TestClient

from anomaly_vae_pipelines.service.app import create_app
from anomaly_vae_pipelines.service.models.registry import ServedModel
from anomaly_vae_pipelines.service.settings import Settings
from tests.anomaly_vae.keyed.hosts import fitted, fresh, scorer

ROWS = fresh().astype(object).where(fresh().notna(), None).head(40)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(create_app({"hosts": scorer()}, Settings())) as client:
        yield client


def test_each_row_has_the_threshold_of_its_key(client: TestClient) -> None:
    answer = client.post("/v1/score", json={"rows": ROWS.to_dict("records")}).json()["rows"]
    scores = np.array([row["score"] for row in answer])
    thresholds = np.array([row["threshold"] for row in answer])
    np.testing.assert_allclose(scores, fitted().score_samples(fresh().head(40)), rtol=1e-9)
    np.testing.assert_allclose(scores - thresholds, fitted().decision_function(fresh().head(40)), rtol=1e-6)
    assert [row["is_anomaly"] for row in answer] == (scores < thresholds).tolist()
    assert len(set(thresholds)) == 4  # three hosts, and the model of all rows


def test_the_model_has_no_threshold_and_takes_no_verdicts(client: TestClient) -> None:
    (model,) = client.get("/v1/models").json()["models"]
    assert (model["threshold"], model["false_alarm_rate"], model["takes_verdicts"]) == (None, None, False)
    (active,) = client.get("/v1/overview").json()["models"]
    assert (active["threshold"], active["false_alarm_rate"]) == (None, None)


def test_the_metric_of_the_threshold_is_absent(client: TestClient) -> None:
    text = client.get("/metrics").text
    assert "\nanomaly_vae_threshold_nats{" not in text
    assert 'anomaly_vae_rows_total{model="hosts",version="1"}' in text


def test_the_example_of_the_documentation_has_keys() -> None:
    rows = ServedModel("hosts", "1", scorer()).example
    assert [row["host"] for row in rows] == ["a", "b", "c"]
