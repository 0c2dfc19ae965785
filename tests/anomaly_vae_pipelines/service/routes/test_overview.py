"""The overview of the last day, and its events."""

from __future__ import annotations

import io
import json

import httpx2
import pandas as pd
import pyarrow as pa
from starlette.testclient import TestClient

from anomaly_vae import TabularVAEDetector, load
from anomaly_vae_pipelines.service.app import create_app
from anomaly_vae_pipelines.service.http.keys import new_key
from anomaly_vae_pipelines.service.settings import Settings
from tests.anomaly_vae_pipelines.service.live import serving_here, until

ODD = {"x": 0.1, "y": 90.0, "z": 0.2}


def test_the_overview_shows_what_was_scored(number_model: TabularVAEDetector, numbers: pd.DataFrame) -> None:
    with TestClient(create_app(number_model)) as client:
        rows = client.post("/v1/score", json={"rows": [ODD, {"x": 0.0, "y": 0.0, "z": 0.0}]}).json()["rows"]
        content = client.get("/v1/overview").json()
    (model,), (anomaly,) = content["models"], content["anomalies"]
    assert (model["hour"]["rows"], model["hour"]["anomalies"]) == (2, 1)
    assert model["day"]["worst"] == rows[0]["severity"] == anomaly["severity"]
    assert sum(model["severities"]) == 2
    assert (anomaly["score"], anomaly["cells"]) == (rows[0]["score"], ODD)
    assert anomaly["costs"][0]["column"] == "y"
    assert (model["score_drift"], model["score_drift_rows"]) == (None, 2)


def test_drift_of_the_scores_is_known_of_enough_rows(number_model: TabularVAEDetector) -> None:
    """Of rows that are all far from calibration it is as large as it can be, as in `/metrics`."""
    with TestClient(create_app(number_model)) as client:
        client.post("/v1/score", json={"rows": [ODD] * 300})
        (model,) = client.get("/v1/overview").json()["models"]
        metrics = client.get("/metrics").text
    assert (model["score_drift"], model["score_drift_rows"]) == (1.0, 300)
    assert 'anomaly_vae_score_drift{model="model"' in metrics


def test_columns_that_drift_are_named(number_model: TabularVAEDetector, numbers: pd.DataFrame) -> None:
    """With effect and p-value, of enough rows; the number of rows is always there."""
    table, moved = (
        [{"x": x, "y": y + far, "z": None} for x, y in zip(numbers["x"], numbers["y"], strict=True)]
        for far in (0.0, 2.0)
    )
    with TestClient(create_app(number_model)) as client:
        client.post("/v1/score", json={"rows": table[:100]})
        (few,) = client.get("/v1/overview").json()["models"]
        client.post("/v1/score", json={"rows": moved})
        (model,) = client.get("/v1/overview").json()["models"]
        metrics = client.get("/metrics").text.splitlines()
    assert (few["column_drift"], few["column_drift_rows"]) == (None, 100)
    of = 'model="model",version="1"'
    drifted = {line.split()[0]: float(line.split()[1]) for line in metrics if "_column_drift{" in line}
    assert drifted == {
        f'anomaly_vae_column_drift{{column="{one["column"]}",{of}}}': one["effect"]
        for one in model["column_drift"]
    }
    assert f"anomaly_vae_column_drift_rows{{{of}}} 300.0" in metrics
    assert model["column_drift_rows"] == 300
    by_name = {one["column"]: one for one in model["column_drift"]}
    assert set(by_name) >= {"y", "z"}
    assert "x" not in by_name
    assert by_name["y"]["effect"] > 0.4
    assert by_name["y"]["p_value"] < 1e-6
    assert (by_name["z"]["missing"], by_name["z"]["calibration_missing"] < 0.2) == (1.0, True)


def test_models_of_images_have_no_columns_that_drift(image_model: str) -> None:
    with TestClient(create_app(load(image_model))) as client:
        (model,) = client.get("/v1/overview").json()["models"]
    assert (model["column_drift"], model["column_drift_rows"]) == (None, None)


def test_columns_that_the_model_does_not_read_name_rows(number_model: TabularVAEDetector) -> None:
    """In every format of rows, missing in some; the scores are the same."""
    rows = [{"code": "007", **ODD}, ODD]
    plain = {"x": [0.1], "y": [90.0], "z": [0.2]}
    csv, arrow = b"code,x,y,z\n009,0.1,90,0.2\n", io.BytesIO()
    with pa.ipc.new_stream(arrow, (table := pa.table({"code": [10], **plain})).schema) as writer:
        writer.write_table(table)
    stream = "application/vnd.apache.arrow.stream"
    tensor = {"name": "rows", "shape": [1, 3], "datatype": "FP64", "data": list(ODD.values())}
    with TestClient(create_app(number_model, Settings(ids=("code",)))) as client:
        answers = [
            client.post("/v1/score", json={"rows": rows}),
            client.post("/v1/score", content=csv, headers={"content-type": "text/csv"}),
            client.post("/v1/score", content=arrow.getvalue(), headers={"content-type": stream}),
        ]
        assert client.post("/v2/models/model/infer", json={"inputs": [tensor]}).status_code == 200
        (example,) = client.get("/v1/models/model").json()["example"]["rows"][:1]
        anomalies = client.get("/v1/overview").json()["anomalies"]
    scores = [row["score"] for answer in answers for row in answer.json()["rows"]]
    assert scores == [number_model.score_samples(pd.DataFrame(plain))[0]] * 4
    assert sorted(str(one["ids"].get("code", "")) for one in anomalies) == ["", "", "007", "009", "10"]
    assert example["code"] is None


def test_no_cell_of_a_row_is_shown_without_a_history(number_model: TabularVAEDetector) -> None:
    with TestClient(create_app(number_model, Settings(history="off"))) as client:
        client.post("/v1/score", json={"rows": [ODD] * 300})
        content = client.get("/v1/overview").json()
    assert (content["history"], content["anomalies"]) == ("off", [])
    assert content["models"][0]["column_drift_rows"] is None
    assert content["models"][0]["day"]["anomalies"] == 300


def test_the_overview_and_its_events_need_a_key_where_scoring_does(number_model: TabularVAEDetector) -> None:
    key, line = new_key("score")
    with TestClient(create_app(number_model, Settings(keys=line, request_timeout=1.0))) as client:
        for path in ("/v1/overview", "/v1/events"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers={"x-api-key": key}).status_code == 200


def test_an_event_comes_when_rows_are_scored(models: list[str]) -> None:
    """And the end of the service does not wait for the stream."""
    with (
        serving_here([f"numbers={models[0]}"]) as url,
        httpx2.Client(base_url=url, timeout=10) as client,
        client.stream("GET", "/v1/events") as stream,
    ):
        lines = (line for line in stream.iter_lines() if line.startswith("data:"))
        first = next(lines)
        assert httpx2.post(f"{url}/v1/score", content=json.dumps({"rows": [ODD]})).status_code == 200
        assert next(lines) != first
        assert until(lambda: httpx2.get(f"{url}/v1/overview").json()["anomalies"])
