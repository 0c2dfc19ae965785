"""Exporting a model file: the exported model scores a file as the commands do."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pandas as pd
import pytest

from anomaly_vae import InputError
from anomaly_vae_pipelines.errors import OutputExistsError
from anomaly_vae_pipelines.runs.export import export_file
from anomaly_vae_pipelines.runs.score import ScoreRun
from tests.anomaly_vae_pipelines.conftest import read_rows


def test_the_exported_model_scores_a_file_as_a_run_does(tmp_path, model, unseen):
    """Numbers and times are read by pandas, texts are those of the file."""
    path, scored = str(tmp_path / "model.onnx"), str(tmp_path / "scored.csv")
    exported = export_file(model, path)
    assert (exported.n_numbers, exported.n_texts, exported.n_dates) == (2, 2, 1)
    assert exported.n_bytes == len((tmp_path / "model.onnx").read_bytes())
    ScoreRun(model, [unseen], scored)()
    rows = pd.read_csv(unseen, dtype=str, keep_default_na=False)
    days = (pd.to_datetime(rows["day"]) - pd.Timestamp(0)) / pd.Timedelta("1s")
    inputs = {
        **{name: pd.to_numeric(rows[name]).to_numpy(float)[:, None] for name in ("amount", "count")},
        **{name: rows[[name]].to_numpy(object) for name in ("color", "open")},
        "day": days.to_numpy(float)[:, None],
    }
    results = onnxruntime.InferenceSession(path).run(["score", "p_value", "severity", "is_anomaly"], inputs)
    wanted = read_rows(scored)
    scores, p_values, severities, decisions = results
    assert (rows["amount"] == "").any()
    np.testing.assert_allclose(scores, [float(row["score"]) for row in wanted], rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(p_values, [float(row["p_value"]) for row in wanted], rtol=1e-4)
    np.testing.assert_allclose(severities, [float(row["severity"]) for row in wanted], atol=1e-3)
    assert decisions.tolist() == [row["is_anomaly"] == "true" for row in wanted]


def test_a_file_is_replaced_only_by_force(tmp_path, model):
    path = tmp_path / "model.onnx"
    path.write_text("old")
    with pytest.raises(OutputExistsError):
        export_file(model, str(path))
    assert path.read_text() == "old"
    export_file(model, str(path), force=True)
    assert path.stat().st_size > 10_000


def test_the_model_file_itself_is_not_replaced(model):
    with pytest.raises(InputError, match="is the file that is read"):
        export_file(model, model, force=True)


def test_models_of_images_cannot_be_exported(tmp_path, image_model):
    """The message is one line, with what can be exported; nothing is written."""
    with pytest.raises(InputError, match="only a detector of tables can be exported; score images") as caught:
        export_file(image_model, str(tmp_path / "model.onnx"))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
