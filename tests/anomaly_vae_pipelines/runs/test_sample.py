"""Rows and images that a model generates."""

from __future__ import annotations

import numpy as np

from anomaly_vae import load
from anomaly_vae_pipelines.runs.sample import sample
from anomaly_vae_pipelines.runs.score import ScoreRun
from tests.anomaly_vae_pipelines.conftest import COLUMNS, read_rows


def test_sampled_rows_can_be_scored_by_their_model(tmp_path, model):
    """Generated rows have the columns and units of the table."""
    drawn, scored = str(tmp_path / "drawn.csv"), str(tmp_path / "scored.csv")
    assert sample(model, drawn, 25) == 25
    assert list(read_rows(drawn)[0]) == COLUMNS[1:-1]
    assert {row["color"] for row in read_rows(drawn)} <= {"red", "green", "<other>", ""}
    assert ScoreRun(model, [drawn], scored)().n_rows == 25


def test_generated_images_are_those_of_the_detector(tmp_path, image_model):
    """An array holds them unchanged, for the same seed."""
    path = tmp_path / "images.npy"
    assert sample(image_model, str(path), 2, seed=3) == 2
    np.testing.assert_array_equal(np.load(path), load(image_model).sample(2, random_state=3))
