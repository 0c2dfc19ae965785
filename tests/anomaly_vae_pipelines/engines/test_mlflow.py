"""A model in MLflow's format; `make test-scale` installs MLflow."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from anomaly_vae import load
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.engines import mlflow as flavor
from anomaly_vae_pipelines.records import RESULT_COLUMNS

# MLflow warns about its own modules when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def mlflow(monkeypatch, tmp_path):
    mlflow = pytest.importorskip("mlflow", reason="pip install 'anomaly-vae[mlflow]'")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    return mlflow


@pytest.fixture
def rows(unseen) -> pd.DataFrame:
    return pd.read_csv(unseen).set_index("code", drop=False)


def test_a_saved_model_scores_frames_and_loads_as_it_was(mlflow, model, rows, tmp_path):
    """The python_function keeps the index of the rows."""
    flavor.save_model(model, tmp_path / "saved", explain="all")
    scored = mlflow.pyfunc.load_model(str(tmp_path / "saved")).predict(rows)
    assert list(scored.columns) == list(RESULT_COLUMNS)
    assert list(scored.index) == list(rows.index)
    assert (scored["top_columns"] != "").sum() > scored["is_anomaly"].sum()
    again = flavor.load_model(str(tmp_path / "saved"))
    assert type(again) is type(load(model))


def test_the_only_artefact_is_the_model_file(mlflow, model, tmp_path):
    """No pickle lies beside it."""
    flavor.save_model(load(model), tmp_path / "saved")
    names = sorted(path.name for path in (tmp_path / "saved").rglob("*"))
    assert names == ["MLmodel", "model.avae", "python_env.yaml", "requirements.txt"]
    flavor.save_model(model, tmp_path / "copied")
    assert (tmp_path / "copied" / "model.avae").read_bytes() == Path(model).read_bytes()


def test_a_logged_model_is_found_by_its_uri(mlflow, model, rows):
    """As any model of MLflow."""
    with mlflow.start_run():
        info = flavor.log_model(model, name="orders")
    scored = mlflow.pyfunc.load_model(info.model_uri).predict(rows)
    assert len(scored) == len(rows)


def test_a_folder_with_files_is_left_alone(mlflow, model, tmp_path):
    """And an unknown option is refused before the model is described."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds files; give a new folder"):
        flavor.save_model(model, tmp_path)
    with pytest.raises(TypeError, match="unexpected keyword argument 'explains'"):
        flavor.save_model(model, tmp_path / "new", explains="all")
