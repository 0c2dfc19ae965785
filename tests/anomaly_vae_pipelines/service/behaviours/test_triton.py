"""The Open Inference Protocol as Triton's own client speaks it, over a socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import uvicorn

from anomaly_vae import TabularVAEDetector, load
from anomaly_vae_pipelines.service.app import create_app
from anomaly_vae_pipelines.service.settings import Settings
from tests.anomaly_vae_pipelines.conftest import read_rows

http = pytest.importorskip("tritonclient.http", reason="tritonclient[http] is not installed")


@pytest.fixture(scope="module")
def address(model: str, image_model: str, number_model: TabularVAEDetector) -> Iterator[str]:
    """Where a service listens."""
    models = {"orders": load(model), "plates": load(image_model), "numbers": number_model}
    app = create_app(models, Settings(max_rows=500))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def triton(address: str) -> Iterator[http.InferenceServerClient]:
    """Triton's client."""
    with http.InferenceServerClient(address) as client:
        yield client


def tensor(name: str, values: np.ndarray, datatype: str, binary: bool = True) -> http.InferInput:
    """A tensor of a request."""
    tensor = http.InferInput(name, list(values.shape), datatype)
    return tensor.set_data_from_numpy(values, binary_data=binary)


def test_health_and_metadata(triton: http.InferenceServerClient) -> None:
    """What is there is ready, and says what it takes and gives."""
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("numbers", "1")
    assert not triton.is_model_ready("nobody")
    assert "binary_tensor_data" in triton.get_server_metadata()["extensions"]
    metadata = triton.get_model_metadata("orders")
    kinds = {tensor["name"]: tensor["datatype"] for tensor in metadata["inputs"]}
    assert kinds == {
        "amount": "FP64",
        "count": "FP64",
        "color": "BYTES",
        "open": "BOOL",
        "day": "BYTES",
    }
    assert [tensor["name"] for tensor in metadata["outputs"]] == [
        "score",
        "p_value",
        "severity",
        "is_anomaly",
        "threshold",
    ]
    assert {model["name"] for model in triton.get_model_repository_index()} == {"orders", "plates", "numbers"}


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("packed", [None, "gzip", "deflate"])
def test_a_matrix_and_its_columns_score_as_the_detector_scores_them(
    triton: http.InferenceServerClient,
    number_model: TabularVAEDetector,
    numbers: pd.DataFrame,
    binary: bool,
    packed: str | None,
) -> None:
    """To the last bit, in JSON and binary, packed or not."""
    rows = numbers[:7].fillna(0.5)
    wanted = number_model.score_samples(rows)
    outputs = [
        http.InferRequestedOutput("score", binary_data=binary),
        http.InferRequestedOutput("severity", binary_data=binary),
        http.InferRequestedOutput("is_anomaly", binary_data=binary),
    ]
    matrix = [tensor("rows", rows.to_numpy(), "FP64", binary)]
    columns = [tensor(name, rows[name].to_numpy(), "FP64", binary) for name in rows]
    for inputs in (matrix, columns):
        result = triton.infer(
            "numbers", inputs, outputs=outputs, request_id="seven", request_compression_algorithm=packed
        )
        np.testing.assert_array_equal(result.as_numpy("score"), wanted)
        np.testing.assert_array_equal(result.as_numpy("severity"), number_model.severity(rows))
        np.testing.assert_array_equal(result.as_numpy("is_anomaly"), wanted < number_model.offset_)
        assert result.get_response()["id"] == "seven"


def test_nan_is_a_missing_value(triton: http.InferenceServerClient, number_model: TabularVAEDetector) -> None:
    """In a binary tensor there is no other way to say it."""
    rows = np.array([[1.0, 2.0, np.nan]])
    got = triton.infer("numbers", [tensor("rows", rows, "FP64")]).as_numpy("score")
    np.testing.assert_array_equal(
        got, number_model.score_samples(pd.DataFrame(rows, columns=["x", "y", "z"]))
    )


@pytest.mark.parametrize("binary", [True, False])
def test_texts_and_truth_values(
    triton: http.InferenceServerClient, model: str, unseen: str, binary: bool
) -> None:
    """Columns of a mixed table, each in its own datatype."""
    orders = [row for row in read_rows(unseen) if row["amount"]][:5]
    inputs = [
        tensor(name, np.array([row[name].encode() for row in orders], dtype=object), "BYTES", binary)
        for name in ("color", "day")
    ]
    inputs += [
        tensor("amount", np.array([float(row["amount"]) for row in orders]), "FP64", binary),
        tensor("count", np.array([int(row["count"]) for row in orders]), "INT64", binary),
        tensor("open", np.array([row["open"] == "true" for row in orders]), "BOOL", binary),
    ]
    table = pd.DataFrame(orders)[["amount", "count", "color", "open", "day"]]
    wanted = load(model).score_samples(table.astype({"amount": float, "count": float}))
    np.testing.assert_array_equal(triton.infer("orders", inputs).as_numpy("score"), wanted)


def test_images_are_one_tensor(triton: http.InferenceServerClient, image_model: str) -> None:
    """Of bytes, with a last axis for grey or without."""
    images = np.random.default_rng(0).integers(0, 255, size=(2, 24, 32), dtype=np.uint8)
    wanted = load(image_model).score_samples(images)
    for shaped in (images, images[..., None]):
        got = triton.infer("plates", [tensor("image", shaped, "UINT8")]).as_numpy("score")
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([("rows", np.zeros((2, 5)), "FP64")], "wanted shape \\[n, 3\\]"),
        ([("x", np.zeros(2), "FP64"), ("y", np.zeros(2), "FP64")], "no column 'z'"),
        ([(name, np.zeros(2 + (name == "z")), "FP64") for name in "xyz"], "has 3 rows"),
        ([(name, np.zeros((2, 2)), "FP64") for name in "xyz"], "wanted shape \\[n\\]"),
        ([(name, np.zeros(2), "FP64") for name in "wxyz"], "not a column of the model"),
        ([("rows", np.zeros((501, 3)), "FP64")], "may have 500 rows"),
        ([("rows", np.array([[b"a", b"b", b"c"]]), "BYTES")], "only numbers"),
    ],
)
def test_what_does_not_fit_is_told_to_the_client(
    triton: http.InferenceServerClient, inputs: list[tuple[str, np.ndarray, str]], said: str
) -> None:
    """As an error that the client can read."""
    with pytest.raises(http.InferenceServerException, match=said):
        triton.infer("numbers", [tensor(*given) for given in inputs])
