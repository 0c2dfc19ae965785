"""Request bodies are described for the models that are served, with examples that can be scored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from anomaly_vae_pipelines.service.models.inputs import ModelInputs
from anomaly_vae_pipelines.service.routes.request_bodies import infer_body, row_schema, score_body


def test_the_example_of_a_model_can_be_scored(client: TestClient) -> None:
    """As it stands in the detail of the model, and in the description of the service."""
    for name in ("orders", "numbers"):
        example = client.get(f"/v1/models/{name}").json()["example"]
        assert len(client.post(f"/v1/score?model={name}", json=example).json()["rows"]) == 3
    body = client.get("/openapi.json").json()["paths"]["/v1/score"]["post"]["requestBody"]["content"]
    answer = client.post("/v1/score?model=orders", json=body["application/json"]["example"])
    assert answer.status_code == 200
    answer = client.post(
        "/v1/score?model=orders", content=body["text/csv"]["example"], headers={"content-type": "text/csv"}
    )
    assert answer.status_code == 200


def test_an_example_of_tensors_can_be_inferred(client: TestClient) -> None:
    """It is of the first model that has examples."""
    paths = client.get("/openapi.json").json()["paths"]
    body = paths["/v2/models/{name}/infer"]["post"]["requestBody"]["content"]["application/json"]
    answer = client.post("/v2/models/orders/infer", content=json.dumps(body["example"]))
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"][0]["shape"] == [3]


def test_a_row_needs_all_columns_but_identifiers() -> None:
    inputs = ModelInputs({"x": "numeric", "id": "identifier"}, frozenset("x"), None, joins=True)
    assert row_schema(inputs) == {
        "type": "object",
        "required": ["x"],
        "properties": {
            "x": {"type": ["number", "null"]},
            "id": {"type": ["string", "number", "boolean", "null"]},
        },
    }


def test_media_types_are_those_of_tables_and_of_images(client: TestClient) -> None:
    body = client.get("/openapi.json").json()["paths"]["/v1/score"]["post"]["requestBody"]
    media = set(body["content"])
    assert {"application/json", "text/csv", "application/vnd.apache.arrow.stream"} < media
    assert {"multipart/form-data", "image/png", "image/jpeg", "image/tiff"} < media


@pytest.mark.parametrize("body_of", [score_body, infer_body])
def test_without_models_there_is_no_example(body_of: Any) -> None:
    assert "example" not in json.dumps(body_of([]))
