"""The Open Inference Protocol over HTTP; Triton's client is in behaviours/test_triton.py."""

from __future__ import annotations

import json

import numpy as np
import pytest
from starlette.testclient import TestClient

MATRIX = [[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]]
TENSOR = {"name": "rows", "shape": [2, 3], "datatype": "FP64"}


def test_both_forms_of_the_root_describe_the_server(client: TestClient) -> None:
    assert client.get("/v2").json() == client.get("/v2/").json()
    assert client.get("/v2").json()["extensions"] == ["binary_tensor_data", "model_repository"]


@pytest.mark.parametrize("end", ["live", "ready"])
def test_health_is_true(client: TestClient, end: str) -> None:
    assert client.get(f"/v2/health/{end}").json() == {end: True}


@pytest.mark.parametrize("name", ["numbers", "orders", "plates"])
def test_a_version_may_be_in_the_path_or_in_the_query(client: TestClient, name: str) -> None:
    by_default = client.get(f"/v2/models/{name}").json()
    assert client.get(f"/v2/models/{name}/versions/1").json() == by_default
    assert client.get(f"/v2/models/{name}?version=1").json() == by_default
    assert by_default["versions"] == ["1"]
    for path in ("?version=2", "/versions/2", "/versions/2/ready", "/ready?version=2"):
        assert client.get(f"/v2/models/{name}{path}").status_code == 404, path


def test_json_and_binary_outputs_are_the_same_numbers(client: TestClient) -> None:
    request = {"id": "seven", "inputs": [TENSOR | {"data": MATRIX}]}
    content = client.post("/v2/models/numbers/infer", json=request).json()
    assert content["id"] == "seven"
    scores = {output["name"]: output["data"] for output in content["outputs"]}
    outputs = [{"name": "score", "parameters": {"binary_data": True}}]
    answer = client.post("/v2/models/numbers/infer", json=request | {"outputs": outputs})
    length = int(answer.headers["inference-header-content-length"])
    (output,) = json.loads(answer.content[:length])["outputs"]
    assert output["parameters"] == {"binary_data_size": 16}
    assert "data" not in output
    assert np.frombuffer(answer.content[length:], "<f8").tolist() == scores["score"]


def test_a_request_scores_like_v1(client: TestClient) -> None:
    request = {"inputs": [TENSOR | {"data": MATRIX}]}
    outputs = client.post("/v2/models/numbers/versions/1/infer", json=request).json()["outputs"]
    rows = [dict(zip("xyz", row, strict=True)) for row in MATRIX]
    plain = client.post("/v1/score?model=numbers", json={"rows": rows}).json()["rows"]
    for output in outputs:
        assert output["data"] == [row[output["name"]] for row in plain]
