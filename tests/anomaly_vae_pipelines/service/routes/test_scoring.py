"""The service as its users see it, without a socket."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from anomaly_vae import TabularVAEDetector
from tests.anomaly_vae_pipelines.conftest import Run, read_rows


@pytest.fixture(scope="module")
def orders(unseen: str) -> list[dict[str, str]]:
    """Rows of orders as a file has them."""
    return read_rows(unseen)


@pytest.fixture(scope="module")
def scored(model: str, unseen: str, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """What the command line says of these orders."""
    from click.testing import CliRunner

    from anomaly_vae_pipelines.cli.main import cli

    out = str(tmp_path_factory.mktemp("scored") / "scored.csv")
    assert CliRunner().invoke(cli, ["score", model, unseen, "-o", out]).exit_code == 0
    return read_rows(out)


def test_json_csv_and_arrow_give_the_scores_of_the_command_line(
    client: TestClient, orders: list[dict[str, str]], scored: list[dict[str, str]], unseen: str
) -> None:
    """A row scores the same to the last bit whichever way it comes."""
    wanted = [float(row["score"]) for row in scored]
    stream = io.BytesIO()
    table = pa.table({name: [row[name] for row in orders] for name in orders[0]})
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    bodies = {
        "application/json": json.dumps({"rows": orders}).encode(),
        "text/csv": Path(unseen).read_bytes(),
        "application/vnd.apache.arrow.stream": stream.getvalue(),
    }
    for media, body in bodies.items():
        answer = client.post("/v1/score?model=orders", content=body, headers={"content-type": media})
        assert answer.status_code == 200, answer.text
        rows = answer.json()["rows"]
        assert [row["score"] for row in rows] == wanted, media
        assert [row["is_anomaly"] for row in rows] == [row["is_anomaly"] == "true" for row in scored]
        assert all(row["is_anomaly"] == (row["score"] < row["threshold"]) for row in rows)
        assert [row["p_value"] for row in rows] == pytest.approx(
            [float(row["p_value"]) for row in scored], 1e-5
        )
        # A file has four decimals of a severity, a response all of them.
        assert [round(row["severity"], 4) for row in rows] == [float(row["severity"]) for row in scored]


def test_an_array_file_is_read_as_a_stream_is(client: TestClient, numbers: pd.DataFrame) -> None:
    """Both forms of Arrow IPC are read."""
    table, scores = pa.Table.from_pandas(numbers[:5], preserve_index=False), []
    for kind, maker in (("stream", pa.ipc.new_stream), ("file", pa.ipc.new_file)):
        sink = io.BytesIO()
        with maker(sink, table.schema) as writer:
            writer.write_table(table)
        answer = client.post(
            "/v1/score?model=numbers",
            content=sink.getvalue(),
            headers={"content-type": f"application/vnd.apache.arrow.{kind}"},
        )
        scores.append([row["score"] for row in answer.json()["rows"]])
    assert scores[0] == scores[1]


def test_numbers_score_as_the_detector_scores_them(
    client: TestClient, numbers: pd.DataFrame, number_model: TabularVAEDetector
) -> None:
    """null, NaN and a number written as text are what they are in a file."""
    rows = [{"x": 1, "y": 2.5, "z": None}, {"x": "1", "y": 2.5, "z": "NaN"}]
    got = client.post("/v1/score?model=numbers", json={"rows": rows}).json()["rows"]
    frame = pd.DataFrame({"x": [1.0], "y": [2.5], "z": [np.nan]})
    assert [row["score"] for row in got] == [number_model.score_samples(frame)[0]] * 2
    bare = client.post("/v1/score?model=numbers", content=b'{"rows": [{"x": 1, "y": 2.5, "z": NaN}]}')
    assert bare.json()["rows"][0]["score"] == got[0]["score"]


def test_an_explanation_names_columns_with_what_was_seen_and_expected(
    client: TestClient, orders: list[dict[str, str]]
) -> None:
    """Every row is explained, the worst column first."""
    odd = orders[0] | {"amount": "1e9"}
    answer = client.post("/v1/score?model=orders&explain=true", json={"rows": [odd, orders[1]]}).json()
    reasons = answer["rows"][0]["top_columns"]
    assert reasons[0]["column"] == "amount"
    assert float(reasons[0]["observed"]) == 1e9
    assert reasons[0]["expected"] not in (None, reasons[0]["observed"])
    assert [reason["nats"] for reason in reasons] == sorted(reason["nats"] for reason in reasons)
    assert [reason["share"] for reason in reasons] == sorted((r["share"] for r in reasons), reverse=True)
    assert 0.9 < reasons[0]["share"] <= 1.0
    assert "top_columns" in answer["rows"][1]


def test_fields_that_the_model_does_not_know_are_left_alone(
    client: TestClient, orders: list[dict[str, str]]
) -> None:
    """They change no score."""
    plain = client.post("/v1/score?model=orders", json={"rows": orders[:2]}).json()["rows"]
    other = [{key: cell for key, cell in row.items() if key != "code"} | {"note": [1]} for row in orders[:2]]
    assert client.post("/v1/score?model=orders", json={"rows": other}).json()["rows"] == plain


def test_answers_come_as_csv_and_arrow_too(client: TestClient, numbers: pd.DataFrame) -> None:
    """The same numbers in all three."""
    body = numbers[:4].to_csv(index=False)
    post = {"content": body, "headers": {"content-type": "text/csv"}}
    wanted = [row["score"] for row in client.post("/v1/score?model=numbers", **post).json()["rows"]]
    post["headers"] |= {"accept": "text/csv"}
    answer = client.post("/v1/score?model=numbers&explain=true", **post)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [float(row["score"]) for row in rows] == wanted
    assert "top_columns" in rows[0]
    post["headers"] |= {"accept": "application/vnd.apache.arrow.stream"}
    table = pa.ipc.open_stream(client.post("/v1/score?model=numbers", **post).content).read_all()
    assert table["score"].to_pylist() == wanted


def test_images_are_scored_as_the_command_line_scores_them(
    client: TestClient, image_model: str, plates: Path, run: Run, tmp_path: Path
) -> None:
    """One file as a body, several as a form; with explain=true each has a heat map."""
    folder = plates / "test" / "spot"
    out = str(tmp_path / "scored.csv")
    assert run("score", image_model, str(folder), "-o", out).code == 0
    wanted = [float(row["score"]) for row in read_rows(out)]
    files = sorted(folder.iterdir())
    one = client.post(
        "/v1/score?model=plates", content=files[0].read_bytes(), headers={"content-type": "image/png"}
    )
    assert one.json()["rows"][0]["score"] == wanted[0]
    form = [("file", (path.name, path.read_bytes(), "image/png")) for path in files]
    rows = client.post("/v1/score?model=plates&explain=true", files=form).json()["rows"]
    assert [row["score"] for row in rows] == wanted
    assert [row["file"] for row in rows] == [path.name for path in files]
    assert all(row["heatmap"].startswith("data:image/png;base64,iVBOR") for row in rows)


@pytest.mark.parametrize(
    ("query", "body", "status", "said"),
    [
        ("model=numbers", b"{", 400, "is not JSON"),
        ("model=numbers", b"x,y,z\n1,2,3\n", 400, "for CSV give the header Content-Type: text/csv"),
        ("model=numbers", b"[]", 400, 'wanted {"rows"'),
        ("model=numbers", b'{"row": []}', 400, "did you mean 'row'"),
        ("model=numbers", b'{"rows": {}}', 400, "wanted a list"),
        ("model=numbers", b'{"rows": []}', 400, "holds no rows"),
        ("model=numbers", b'{"rows": [3]}', 400, "rows[0]: wanted an object"),
        ("model=numbers", b'{"rows": [{"x": 1, "y": 2, "Z": 3}]}', 400, "did you mean 'Z'"),
        ("model=numbers", b'{"rows": [{"x": 1, "y": 2, "z": "three"}]}', 400, "got 'three'"),
        ("model=numbers", b'{"rows": [{"x": 1, "y": 2, "z": true}]}', 400, "wanted a number"),
        ("model=numbers", b'{"rows": [{"x": 1, "y": 2, "z": [1]}]}', 400, "got [1]"),
        ("model=numbers&explain=maybe", b"{}", 400, "explain: wanted true or false"),
        ("model=number", b"{}", 404, "did you mean 'numbers'"),
        ("model=numbers&version=9", b"{}", 404, "no version"),
        ("", b"{}", 400, "name one with ?model="),
        ("model=plates", b"{}", 400, "fitted on images"),
    ],
)
def test_a_wrong_request_is_told_what_was_wanted(
    client: TestClient, query: str, body: bytes, status: int, said: str
) -> None:
    """With its status, in one form, and with an id that the log has too."""
    answer = client.post(f"/v1/score?{query}", content=body)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_refusal_names_the_rows(client: TestClient) -> None:
    """By their place in JSON, by their line in CSV."""
    good, bad = {"x": 1, "y": 2, "z": 3}, {"x": 1, "y": "no", "z": 3}
    answer = client.post("/v1/score?model=numbers", json={"rows": [good, bad, good, bad]})
    assert [row["row"] for row in answer.json()["rows"]] == [1, 3]
    body = "x,y,z\n1,2,3\n1,no,3\n"
    answer = client.post("/v1/score?model=numbers", content=body, headers={"content-type": "text/csv"})
    assert [row["line"] for row in answer.json()["rows"]] == [3]


def test_csv_in_another_dialect_has_the_same_scores(client: TestClient) -> None:
    """A body is read as a file is."""
    headers = {"content-type": "text/csv"}
    plain, german = (
        client.post("/v1/score?model=numbers", content=content, headers=headers)
        for content in ("x,y,z\n1.5,2,3.25\n", "x;y;z\n1,5;2;3,25\n")
    )
    assert (plain.status_code, german.status_code) == (200, 200)
    assert plain.json()["rows"] == german.json()["rows"]


def test_too_many_rows_are_refused_in_every_form(client: TestClient, numbers: pd.DataFrame) -> None:
    """With 413, and the number that may be sent."""
    many = pd.concat([numbers.fillna(0.0)] * 3)
    for content, media in (
        (json.dumps({"rows": many.to_dict("records")}), "application/json"),
        (many.to_csv(index=False), "text/csv"),
    ):
        answer = client.post("/v1/score?model=numbers", content=content, headers={"content-type": media})
        assert answer.status_code == 413
        assert "500 rows" in answer.json()["error"]
