"""What nobody should send: every request gets its status code, in words, and no trace of where it failed."""

from __future__ import annotations

import gzip
import io
import json
import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from anomaly_vae import TabularVAEDetector, load
from anomaly_vae_pipelines.service.app import create_app
from anomaly_vae_pipelines.service.http.keys import new_key
from anomaly_vae_pipelines.service.settings import Settings

DEEP = 10_000
NUMBERS = "/v1/score?model=numbers"
INFER = "/v2/models/numbers/infer"


@pytest.fixture(scope="module")
def client(model: str, image_model: str, number_model: TabularVAEDetector) -> Iterator[TestClient]:
    """A client that would see a stack trace if one left the service."""
    models = {"orders": load(model), "plates": load(image_model), "numbers": number_model}
    settings = Settings(max_rows=500, max_body_bytes=1 << 20)
    with TestClient(create_app(models, settings), raise_server_exceptions=False) as client:
        yield client


def rows_of(*cells: str) -> bytes:
    """A request of one row of numbers, each as it stands in JSON."""
    named = ", ".join(f'"{name}": {cell}' for name, cell in zip("xyz", cells, strict=True))
    return f'{{"rows": [{{{named}}}]}}'.encode()


@pytest.mark.parametrize(
    "cell",
    [
        "1e308",
        "-1.7976931348623157e308",
        "1e-320",
        "-0.0",
        "123456789" * 30,
        "123456789" * 900,
        "1e999",
        "-1e999",
        "Infinity",
        "-Infinity",
        "NaN",
        '"inf"',
        '"NaN"',
    ],
)
def test_numbers_of_any_size_are_scored(client: TestClient, cell: str) -> None:
    """With a finite score, the same in every form, as the command line scores them."""
    tensor = {"name": "rows", "shape": [1, 3], "datatype": "FP64"}
    inputs = [tensor | {"parameters": {"binary_data_size": 24}}]
    head = json.dumps({"inputs": inputs}).encode()
    binary = head + np.array([float(cell.strip('"')), 0.0, 0.0]).tobytes()
    answers = [
        client.post(NUMBERS, content=f"x,y,z\n{cell},0,0\n", headers={"content-type": "text/csv"}),
        client.post(INFER, content=binary, headers={"inference-header-content-length": str(len(head))}),
    ]
    if len(cell) < 5000:  # Python reads no longer numbers in JSON
        answers.append(client.post(NUMBERS, content=rows_of(cell, "0", "0")))
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    contents = [answer.json() for answer in answers]
    scores = {
        content["rows"][0]["score"] if "rows" in content else content["outputs"][0]["data"][0]
        for content in contents
    }
    assert len(scores) == 1
    assert math.isfinite(scores.pop())


def test_what_is_missing_is_missing_in_every_form(client: TestClient) -> None:
    table = {"content-type": "text/csv"}
    answers = [client.post(NUMBERS, content=f"x,y,z\n0,0,{cell}\n", headers=table) for cell in ("NaN", "")]
    answers += [client.post(NUMBERS, content=rows_of("0", "0", cell)) for cell in ("null", "NaN", '""')]
    assert len({answer.json()["rows"][0]["score"] for answer in answers}) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"[" * DEEP,
        b"[" * DEEP + b"]" * DEEP,
        b'{"rows": ' * DEEP + b"0" + b"}" * DEEP,
        b'{"rows": [{"x": ' + b"[" * DEEP + b"]" * DEEP + b', "y": 0, "z": 0}]}',
        b'{"inputs": ' + b"[" * DEEP + b"]" * DEEP + b"}",
        b'{"inputs": [{"name": "rows", "shape": [1, 3], "datatype": "FP64", "data": '
        + b"[" * DEEP
        + b"]" * DEEP
        + b"}]}",
    ],
)
@pytest.mark.parametrize("path", [NUMBERS, "/v1/score?model=orders", INFER])
def test_json_of_any_depth_is_refused(client: TestClient, path: str, body: bytes) -> None:
    answer = client.post(path, content=body)
    assert answer.status_code == 400
    assert len(answer.text) < 1000


@pytest.mark.parametrize(
    "tensor",
    [
        {"shape": [1, 4], "data": [0] * 4},
        {"shape": [2, 3], "data": [0] * 3},
        {"shape": [3], "data": [0] * 3},
        {"shape": [-1, 3], "data": []},
        {"shape": [10**18, 3], "data": [0]},
        {"shape": [2**63, 2**63], "data": []},
        {"shape": [1, 3], "data": [[0, 0], [0]]},
        {"shape": [2, 3], "data": [[0, 0], [0, 0], [0, 0]]},
        {"shape": [1, 3], "data": [[[0]], [[0]], [[0]]]},
        {"shape": [1, 3], "data": ["0", "0", "0"]},
        {"shape": [1, 3], "data": [0, 0, 0], "datatype": "FP128"},
        {"shape": "1x3", "data": [0, 0, 0]},
    ],
)
def test_wrong_shapes_are_refused(client: TestClient, tensor: dict[str, object]) -> None:
    content = {"inputs": [{"name": "rows", "datatype": "FP64"} | tensor]}
    answer = client.post(INFER, content=json.dumps(content))
    assert answer.status_code in (400, 413), answer.text


@pytest.mark.parametrize("outputs", [1, [1], [{"name": ["score"]}], [{"name": {}}], [{"name": "scores"}], {}])
def test_outputs_that_there_are_not_are_refused(client: TestClient, outputs: object) -> None:
    tensor = {"name": "rows", "shape": [1, 3], "datatype": "FP64", "data": [0, 0, 0]}
    answer = client.post(INFER, content=json.dumps({"inputs": [tensor], "outputs": outputs}))
    assert answer.status_code == 400
    assert "outputs" in answer.json()["error"]


@pytest.mark.parametrize("codec", ["gzip", "deflate"])
def test_a_body_that_grows_when_it_is_unpacked_is_stopped(client: TestClient, codec: str) -> None:
    """64 MB in less than a tenth of one: it is refused before it is unpacked."""
    packer = zlib.compressobj(9, wbits=31 if codec == "gzip" else 15)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    assert len(packed) < 1 << 17
    answer = client.post(NUMBERS, content=packed, headers={"content-encoding": codec})
    assert answer.status_code == 413
    good = gzip.compress(rows_of("0", "0", "0"))
    headers = {"content-encoding": "gzip"}
    assert client.post(NUMBERS, content=good, headers=headers).status_code == 200
    halves = gzip.compress(b"x,y,z\n0,0,0\n") + gzip.compress(b"1,1,1\n")
    answer = client.post(NUMBERS, content=halves, headers=headers | {"content-type": "text/csv"})
    assert len(answer.json()["rows"]) == 2
    for damaged in (good[:-9], b"\x00" + good, good + b"x", b""):
        assert client.post(NUMBERS, content=damaged, headers=headers).status_code == 400


def test_an_image_that_grows_when_it_is_unpacked_is_stopped(client: TestClient) -> None:
    """30,000 by 30,000 pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(30_001 * 1000), 9))
    bomb = b"\x89PNG\r\n\x1a\n" + head + data + chunk(b"IEND", b"")
    answer = client.post("/v1/score?model=plates", content=bomb, headers={"content-type": "image/png"})
    assert answer.status_code == 400
    assert "pixels" in answer.json()["error"]


@pytest.mark.parametrize("media", ["image/png", "image/tiff", "application/octet-stream"])
def test_what_is_no_image_is_refused(client: TestClient, media: str) -> None:
    random = np.random.default_rng(0)
    for body in (b"", b"no image", random.bytes(4000), b"\x89PNG\r\n\x1a\n" + random.bytes(100)):
        answer = client.post("/v1/score?model=plates", content=body, headers={"content-type": media})
        assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    ("content", "media", "status"),
    [
        (b"\xff\xfe\x00", "application/json", 400),
        (b'{"rows": [{"x": "\\ud800", "y": 0, "z": 0}]}', "application/json", 400),
        (b"x,y,z\n\xff,0,0\n", "text/csv", 400),
        (b"x,y,z\n0,0\n", "text/csv", 400),
        (b"x,x,z\n0,0,0\n", "text/csv", 400),
        (b"", "text/csv", 400),
        (b'x,y,z\n"0,0,0\n', "text/csv", 400),
        (b"\x00" * 100, "text/csv", 400),
        (b"ARROW1", "application/vnd.apache.arrow.file", 400),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f", "application/vnd.apache.arrow.stream", 400),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=b", 400),
        (b"<rows/>", "application/xml", 415),
        (b"x", "a" * 5000, 415),
    ],
)
def test_bytes_that_are_not_what_they_are_called_are_refused(
    client: TestClient, content: bytes, media: str, status: int
) -> None:
    answer = client.post(NUMBERS, content=content, headers={"content-type": media})
    assert answer.status_code == status, answer.text


def arrow(column: pa.Array, name: str = "amount") -> bytes:
    """A stream with one odd column among those of orders."""
    columns = {"amount": [1.0], "count": [1], "color": ["red"], "open": [True], "day": ["2026-01-01"]}
    whole: dict[str, Any] = {key: pa.array(cells * len(column)) for key, cells in columns.items()}
    table, sink = pa.table(whole | {name: column}), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def score_arrow(client: TestClient, body: bytes) -> Any:
    """The answer for orders as Arrow."""
    media = {"content-type": "application/vnd.apache.arrow.stream"}
    return client.post("/v1/score?model=orders", content=body, headers=media)


@pytest.mark.parametrize("name", ["amount", "color", "open", "day"])
@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1]]),
        pa.array([{"a": 1}]),
        pa.array([b"x"]),
        pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
        pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([[1]])),
        pa.array([2**62], pa.int64()).cast(pa.timestamp("s")),
        pa.array([2**30], pa.int32()).cast(pa.date32()),
        pa.RunEndEncodedArray.from_arrays([1], ["x"]),
    ],
    ids=lambda column: str(column.type),
)
def test_columns_of_arrow_that_are_no_cells_are_refused(
    client: TestClient, column: pa.Array, name: str
) -> None:
    answer = score_arrow(client, arrow(column, name))
    assert answer.status_code == 400, answer.text
    assert repr(name) in answer.json()["error"]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
@pytest.mark.parametrize(("name", "cell"), [("color", "red"), ("amount", "1.5"), ("day", "2026-01-02")])
def test_text_scores_the_same_in_every_form_that_arrow_has_for_it(
    client: TestClient, kind: pa.DataType, name: str, cell: str
) -> None:
    wanted = score_arrow(client, arrow(pa.array([cell]), name)).json()
    assert score_arrow(client, arrow(pa.array([cell], kind), name)).json() == wanted
    encoded = pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([cell], pa.large_string()))
    assert score_arrow(client, arrow(encoded, name)).json() == wanted


def test_one_text_for_many_rows_is_not_copied_without_end(client: TestClient) -> None:
    """Half a megabyte for each of 300 rows."""
    text = pa.array(["x" * (1 << 19)])
    encoded = pa.DictionaryArray.from_arrays(pa.array([0] * 300, pa.int8()), text)
    assert score_arrow(client, arrow(encoded, "color")).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/%2e%2e/settings.py",
        "/static//etc/passwd",
        "/..%2f..%2f..%2fetc/passwd",
        "/v1/models/..%2f..%2fetc%2fpasswd",
        "/v2/models/%2e%2e/infer",
        "/v2/models/numbers/versions/..%2f1",
        "/v1/models/numbers%00",
    ],
)
def test_no_path_leads_to_a_file(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (404, 405)
    assert "root:" not in answer.text
    assert "import" not in answer.text


def test_a_wrong_turn_is_shown_the_way(client: TestClient) -> None:
    assert "/docs" in client.get("/v1/scores").json()["error"]
    answer = client.get("/v1/score")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert "takes POST" in answer.json()["error"]


@pytest.mark.parametrize("path", ["/", "/docs", "/v2/health/live", "/v2/health/ready"])
def test_a_balancer_may_ask_for_the_head_alone(client: TestClient, path: str) -> None:
    assert client.head(path).status_code == 200


def test_names_of_models_are_never_looked_for_on_disk(client: TestClient, model: str) -> None:
    for name in (model, f"../{model}", "/etc/passwd"):
        assert client.post("/v1/score", params={"model": name}, content=b"{}").status_code == 404


def test_headers_that_are_wrong_do_no_harm(client: TestClient) -> None:
    """Ids that would break a line of the log are replaced, and what is not understood is left alone."""
    body = rows_of("0", "0", "0")
    for headers in (
        {"x-request-id": "a" * 10_000},
        {"x-request-id": 'quote" and blank'},
        {"accept": "image/png"},
        {"accept": ",;,"},
        {"authorization": "Basic Og=="},
        {"content-type": "application/json; charset=latin-1"},
    ):
        answer = client.post(NUMBERS, content=body, headers=headers)
        assert answer.status_code == 200, headers
        assert len(answer.headers["x-request-id"]) < 200
    length = {"inference-header-content-length": "-1"}
    assert client.post(INFER, content=b"{}", headers=length).status_code == 400


def test_every_path_but_the_page_and_health_wants_a_key(number_model: TabularVAEDetector) -> None:
    """Whatever the method, and for paths that do not exist too."""
    app = create_app(number_model, Settings(keys=new_key("score")[1]))
    is_open = {"/", "/docs", "/v2/health/live", "/v2/health/ready"}
    with TestClient(app) as client:
        for path in is_open:
            assert client.get(path).status_code == 200, path
        for path in ("/v1/models", "/v1/score", "/v2", "/v2/models/model", "/v2/models/model/infer",
                     "/v2/repository/index", "/v2/repository/models/model/load", "/metrics", "/openapi.json",
                     "/nothing", "/v1/score/", "//v1/score"):  # fmt: skip
            for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
                assert client.request(method, path).status_code == 401, (method, path)


def test_a_fault_of_ours_is_a_500_without_a_trace(
    number_model: TabularVAEDetector, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer names the request; the trace is in the log."""
    with TestClient(create_app(number_model), raise_server_exceptions=False) as client:
        number_model_score = type(number_model).score_samples
        try:
            type(number_model).score_samples = lambda *_: 1 / 0
            answer = client.post("/v1/score", content=rows_of("0", "0", "0"))
        finally:
            type(number_model).score_samples = number_model_score
        assert answer.status_code == 500
        assert set(answer.json()) == {"error", "request_id"}
        assert "Traceback" not in answer.text
        assert "division" not in answer.text
        assert "ZeroDivisionError" in caplog.text
        assert client.post("/v1/score", content=rows_of("0", "0", "0")).status_code == 200
