"""The OpenAPI description says what the service does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from anomaly_vae_pipelines.service.models.registry import Registry
from anomaly_vae_pipelines.service.routes.inference import inference_operations
from anomaly_vae_pipelines.service.routes.openapi import describe
from anomaly_vae_pipelines.service.settings import Settings


@pytest.fixture(scope="module")
def description(client: TestClient) -> dict[str, Any]:
    content = client.get("/openapi.json").json()
    assert isinstance(content, dict)
    return content


def test_every_reference_leads_to_a_type_and_every_type_is_used(description: dict[str, Any]) -> None:
    text = json.dumps(description)
    used = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used == set(description["components"]["schemas"])


def test_ids_of_operations_are_unique(description: dict[str, Any]) -> None:
    ids = [one["operationId"] for methods in description["paths"].values() for one in methods.values()]
    assert len(set(ids)) == len(ids)


def test_parameters_name_the_models_that_are_served(description: dict[str, Any]) -> None:
    parameters = {one["name"]: one for one in description["paths"]["/v1/score"]["post"]["parameters"]}
    assert parameters["model"]["schema"]["enum"] == ["numbers", "orders", "plates"]
    assert parameters["model"]["required"]
    assert parameters["version"]["schema"]["enum"] == ["1"]
    assert parameters["explain"]["schema"] == {"type": "boolean", "default": False}
    (name,) = description["paths"]["/v2/models/{name}/infer"]["post"]["parameters"]
    assert (name["in"], name["required"], name["example"]) == ("path", True, "orders")


def test_each_operation_has_the_tag_of_its_path(description: dict[str, Any]) -> None:
    tags = {path: one["tags"] for path, methods in description["paths"].items() for one in methods.values()}
    assert tags["/v1/score"] == ["v1"]
    assert tags["/v2"] == tags["/v2/models/{name}/infer"] == ["v2"]
    assert tags["/v2/repository/index"] == ["admin"]
    assert tags["/metrics"] == ["operations"]


def test_pages_are_not_described(description: dict[str, Any]) -> None:
    assert not {"/", "/docs", "/static/{name}", "/openapi.json", "/v2/"} & set(description["paths"])


def test_a_service_without_models_is_described_too() -> None:
    registry = Registry(Settings())
    paths = describe(inference_operations(registry, Settings()), registry.all())["paths"]
    (name,) = paths["/v2/models/{name}/infer"]["post"]["parameters"]
    assert name["schema"] == {"type": "string"}
