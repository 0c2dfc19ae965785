"""The service as an ASGI application."""

from __future__ import annotations

import asyncio

import pytest
from starlette.testclient import TestClient

from anomaly_vae import TabularVAEDetector
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.service.app import create_app
from anomaly_vae_pipelines.service.http.keys import new_key
from anomaly_vae_pipelines.service.models.metrics import Metrics
from anomaly_vae_pipelines.service.models.registry import Registry, serve_models
from anomaly_vae_pipelines.service.models.reloading import Reloader
from anomaly_vae_pipelines.service.settings import Settings


def test_a_detector_a_mapping_and_a_registry_are_served(number_model: TabularVAEDetector) -> None:
    registry = serve_models({"c": number_model}, Settings())
    for models, name in ((number_model, "model"), ({"b": number_model}, "b"), (registry, "c")):
        with TestClient(create_app(models)) as client:
            assert [model["name"] for model in client.get("/v1/models").json()["models"]] == [name]


def test_a_registry_may_change_while_it_is_served(number_model: TabularVAEDetector) -> None:
    registry = Registry(Settings())
    with TestClient(create_app(registry)) as client:
        assert client.get("/v1/models").json() == {"models": []}
        registry.put(serve_models({"a": number_model}, Settings()).get("a")[0])
        assert len(client.get("/v1/models").json()["models"]) == 1
        assert "/v1/score" in client.get("/openapi.json").json()["paths"]


def test_keys_that_cannot_be_read_are_refused_before_anything_is_served(
    number_model: TabularVAEDetector,
) -> None:
    with pytest.raises(InputError, match="wanted a role"):
        create_app(number_model, Settings(keys="nonsense"))


def test_middleware_runs_in_the_order_of_its_list(number_model: TabularVAEDetector) -> None:
    """A request without a key is refused before its size is looked at, and its response has all headers."""
    settings = Settings(keys=new_key("score")[1], max_body_bytes=10)
    with TestClient(create_app(number_model, settings)) as client:
        answer = client.post("/v1/score", content=bytes(100))
        assert answer.status_code == 401
        assert {"x-request-id", "x-content-type-options", "www-authenticate"} <= set(answer.headers)
        metrics = client.get("/metrics", headers={"x-api-key": "wrong"})
        assert metrics.json()["request_id"] == metrics.headers["x-request-id"]


def test_a_path_with_one_slash_too_many_is_redirected(number_model: TabularVAEDetector) -> None:
    with TestClient(create_app(number_model), follow_redirects=False) as client:
        answer = client.get("/v1/models/")
        assert answer.status_code == 307
        assert answer.headers["location"].endswith("/v1/models")


def test_files_are_watched_as_long_as_the_service_runs(number_model: TabularVAEDetector) -> None:
    class Watched(Reloader):
        state = "new"

        async def watch(self, interval: float, metrics: Metrics) -> None:
            Watched.state = "watching"
            try:
                await asyncio.sleep(60)
            finally:
                Watched.state = "ended"

    registry = serve_models(number_model, Settings())
    with TestClient(create_app(registry, reloader=Watched(registry, []))) as client:
        assert client.get("/v2/health/ready").status_code == 200
        assert Watched.state == "watching"
    assert Watched.state == "ended"
