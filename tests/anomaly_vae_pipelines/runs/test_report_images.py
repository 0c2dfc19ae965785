"""Reports of images."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.records import Label
from anomaly_vae_pipelines.reports.page import report_page
from anomaly_vae_pipelines.runs.evaluate import scored_rows
from anomaly_vae_pipelines.runs.report import report_files
from anomaly_vae_pipelines.runs.report_images import MOST_SIDE
from anomaly_vae_pipelines.scoring.model_files import open_model


def test_the_worst_images_are_shown_beside_their_heat(image_model, plates):
    """The numbers are those of the scores; the pictures are small, and nothing is said about columns."""
    opened = open_model(image_model)
    folder = str(plates / "test")
    content = report_files(opened, [folder])
    data, scorer, inputs = content["data"], opened.adapter.scorer(), opened.adapter.inputs([folder])
    (scored,) = scored_rows(scorer, inputs, [])
    worst = scored.scores.argsort(kind="stable")[: len(data["worst"])]
    assert [row["score"] for row in data["worst"]] == scored.scores[worst].tolist()
    assert data["n_alerts"] == scored.is_anomaly.sum() > 0
    assert (data["groups"], data["drift"], data["peers"]) == (None, None, None)
    for row in data["worst"]:
        assert row["reasons"]
        image, heat = (_picture(url) for url in row["pictures"])
        assert max(image.size + heat.size) <= MOST_SIDE
        assert np.ptp(np.asarray(image)) > 0
        assert (np.asarray(image.convert("HSV"))[..., 1] < 30).mean() > 0.99, "the image itself is grey"
        assert (np.asarray(heat.convert("HSV"))[..., 1] > 100).any(), "heat has colours"
    page = report_page(content)
    assert page.count("<img") == 2 * len(data["worst"])
    assert len(page) < 2_000_000
    assert "Which images, and why?" in page
    assert report_files(opened, [])["data"] is None


def _picture(url: str) -> Image.Image:
    head, _, data = url.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_images_have_no_label_times_or_peers(image_model, plates):
    for options in ({"label": Label("a", "b")}, {"time": "t"}, {"peers": True}):
        with pytest.raises(InputError, match="fitted on images, which have no columns; leave out --label"):
            report_files(open_model(image_model), [str(plates)], **options)
