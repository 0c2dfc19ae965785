"""Metrics of requests and of models, as Prometheus reads them."""

from __future__ import annotations

from starlette.testclient import TestClient

from anomaly_vae import TabularVAEDetector
from anomaly_vae_pipelines.service.app import create_app
from anomaly_vae_pipelines.service.models.metrics import Metrics
from anomaly_vae_pipelines.service.models.registry import Registry, serve_models
from anomaly_vae_pipelines.service.settings import Settings


def test_metrics_tell_of_rows_anomalies_scores_and_drift(number_model: TabularVAEDetector) -> None:
    """Rows far from all that was calibrated drift as far as there is."""
    with TestClient(create_app(number_model, Settings())) as client:
        row = {"x": 1e6, "y": 1e6, "z": 1e6}
        client.post("/v1/score", json={"rows": [row] * 200})
        lines = client.get("/metrics").text.splitlines()
    told = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    of = '{model="model",version="1"}'
    assert told[f"anomaly_vae_rows_total{of}"] == "200.0"
    assert told[f"anomaly_vae_anomalies_total{of}"] == "200.0"
    ends = {line: count for line, count in told.items() if line.startswith("anomaly_vae_score_nats_bucket")}
    assert set(ends.values()) == {"200.0"}  # all of them below the first end
    assert float(told[f"anomaly_vae_score_drift{of}"]) > 0.99
    assert told[f"anomaly_vae_score_drift_rows{of}"] == "200.0"
    assert told['anomaly_vae_requests_total{route="/v1/score",status="200"}'] == "1.0"


def test_requests_are_counted_by_route_and_status_and_timed() -> None:
    metrics = Metrics(Registry(Settings()))
    for status, seconds in ((200, 0.003), (200, 0.2), (503, 0.0001)):
        metrics.answered("/v1/score", status, seconds)
    page = metrics.page().decode()
    assert 'anomaly_vae_requests_total{route="/v1/score",status="200"} 2.0' in page
    assert 'anomaly_vae_requests_total{route="/v1/score",status="503"} 1.0' in page
    assert 'anomaly_vae_request_duration_seconds_bucket{le="0.005",route="/v1/score"} 2.0' in page
    assert 'anomaly_vae_request_duration_seconds_count{route="/v1/score"} 3.0' in page


def test_two_services_of_a_process_count_apart() -> None:
    first, second = (Metrics(Registry(Settings())) for _ in range(2))
    first.answered("/v1/score", 200, 0.1)
    assert "anomaly_vae_requests_total{" not in second.page().decode()


def test_every_version_has_a_series(number_model: TabularVAEDetector) -> None:
    registry = serve_models({"a": number_model, "b": number_model}, Settings())
    lines = Metrics(registry).page().decode().splitlines()
    for name in ("rows_total", "anomalies_total", "threshold_nats", "rows_waiting", "model_load_seconds"):
        assert sum(line.startswith(f"anomaly_vae_{name}{{") for line in lines) == 2, name
    assert not [line for line in lines if line.startswith("anomaly_vae_score_drift{")]  # no rows, no drift
    assert sum(line.startswith("anomaly_vae_score_drift_rows{") for line in lines) == 2
