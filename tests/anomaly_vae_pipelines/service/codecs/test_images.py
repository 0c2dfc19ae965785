"""Image files and arrays as rows, and heat maps as pictures."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anomaly_vae import load
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.scoring.adapters import adapter_of
from anomaly_vae_pipelines.service.codecs.images import heatmap_uri, rows_of_arrays, rows_of_files
from anomaly_vae_pipelines.service.errors import RefusedRowsError, TooLargeError
from anomaly_vae_pipelines.service.models.inputs import ModelInputs, inputs_of


@pytest.fixture(scope="module")
def inputs(image_model: str) -> ModelInputs:
    return inputs_of(adapter_of(load(image_model)).scorer(explain="none"))


def test_a_file_and_its_pixels_are_the_same_row(inputs: ModelInputs, plates: Path) -> None:
    path = sorted((plates / "test" / "good").iterdir())[0]
    pixels = np.asarray(Image.open(path).convert("L"))
    from_file = rows_of_files([("a.png", path.read_bytes())], inputs, 10)
    from_array = rows_of_arrays(pixels[None], inputs, 10)
    np.testing.assert_array_equal(from_file.images, from_array.images)
    assert from_file.paths == ("a.png",)


def test_a_file_that_is_not_an_image_is_named(inputs: ModelInputs, plates: Path) -> None:
    good = sorted((plates / "test" / "good").iterdir())[0].read_bytes()
    with pytest.raises(RefusedRowsError, match=r"1 of 2 rows .* row 1: b\.png: ") as refused:
        rows_of_files([("a.png", good), ("b.png", b"text")], inputs, 10)
    assert [row for row, _ in refused.value.problems] == [1]


def test_images_are_counted_before_they_are_decoded(inputs: ModelInputs) -> None:
    with pytest.raises(TooLargeError):
        rows_of_files([("a.png", b"text")] * 3, inputs, 2)


def test_a_model_of_a_table_reads_no_images() -> None:
    table = ModelInputs({"x": "numeric"}, frozenset("x"), None, joins=True)
    with pytest.raises(SourceError, match="fitted on a table"):
        rows_of_files([("a.png", b"")], table, 2)


def test_a_heat_map_is_a_png_that_shows_where_the_heat_is(image_model: str) -> None:
    detector, image = load(image_model), np.zeros((24, 32), dtype=np.uint8)
    heat = np.zeros((24, 32))
    cold = heatmap_uri(image, heat, detector)
    heat[:, 16:] = 100.0 * abs(detector.heatmap_threshold_) + 100.0
    head, _, data = heatmap_uri(image, heat, detector).partition(",")
    assert head == "data:image/png;base64"
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"), dtype=float)
    before = np.asarray(Image.open(io.BytesIO(base64.b64decode(cold.partition(",")[2]))).convert("RGB"))
    change = np.abs(picture - before).mean(axis=(0, 2))
    middle = 24 * picture.shape[1] // 43  # a scale stands to the right of the image
    assert change[: middle // 4].max() < change[middle // 2 : middle].mean()
