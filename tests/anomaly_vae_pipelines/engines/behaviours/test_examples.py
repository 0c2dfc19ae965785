"""The jobs of the guide to engines run as they stand there; `make test-scale` installs what they import."""

from __future__ import annotations

import runpy
import shutil
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from anomaly_vae_pipelines import ArrowScorer
from tests.anomaly_vae_pipelines.conftest import PYTHON_PATH

EXAMPLES = sorted((Path(__file__).parents[4] / "docs/examples/engines").glob("*.py"))

# Engines warn about their own modules.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def no_ray_left():
    """The workers of a cluster keep the folder in which it was started."""
    yield
    if "ray" in sys.modules:
        sys.modules["ray"].shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_an_example_writes_the_scores(script, model, unseen, tmp_path, monkeypatch):
    """As ArrowScorer gives them with the model file, for a folder of two files."""
    engine = script.stem.partition("_")[0]
    pytest.importorskip({"dask": "dask.dataframe", "spark": "pyspark"}.get(engine, engine))
    table = pacsv.read_csv(unseen)
    (tmp_path / "logs").mkdir()
    pq.write_table(table.slice(0, 15), tmp_path / "logs" / "a.parquet")
    pq.write_table(table.slice(15), tmp_path / "logs" / "b.parquet")
    shutil.copy(model, tmp_path / "model.avae")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", PYTHON_PATH)
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "runs").as_uri())
    runpy.run_path(str(script))
    scored: pa.Table = ds.dataset(tmp_path / "scored").to_table()
    wanted = ArrowScorer("model.avae")(table)  # the job may have fitted it
    assert sorted(scored.column("score").to_pylist()) == sorted(wanted.column("score").to_pylist())
