"""Ray, on this machine with two workers; `make test-scale` installs it."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from anomaly_vae import TabularVAEDetector, tune
from anomaly_vae.errors import InputError, MissingExtraError, SchemaError
from anomaly_vae_pipelines import ArrowScorer
from anomaly_vae_pipelines.engines import ray as engine
from anomaly_vae_pipelines.errors import WorkerLostError
from anomaly_vae_pipelines.records import RESULT_COLUMNS
from tests.anomaly_vae.conftest import mixed_table
from tests.anomaly_vae_pipelines.conftest import COLUMNS, PYTHON_PATH, orders, write_table

Detector = partial(TabularVAEDetector, max_steps=3, hidden_sizes=(8,), random_state=0)

# Ray warns about its own modules and sockets.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def ray():
    ray = pytest.importorskip("ray", reason="pip install 'anomaly-vae[ray]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", PYTHON_PATH)
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield ray
        ray.shutdown()


def test_scores_are_those_of_one_process(ray, model, unseen):
    """To the last bit, with the columns of the dataset in front."""
    table = pacsv.read_csv(unseen)
    dataset = ray.data.from_arrow([table.slice(0, 15), table.slice(15)])
    scored = pa.concat_tables(ray.get(engine.score(dataset, model).to_arrow_refs()))
    assert scored.column_names == [*table.column_names, *RESULT_COLUMNS]
    wanted = ArrowScorer(model)(table)
    assert scored.sort_by("code").to_pylist() == wanted.sort_by("code").to_pylist()


@pytest.mark.parametrize(("n_rows", "per"), [(60, None), (60, "colour"), (5_000, None)])
def test_a_fit_on_blocks_is_that_on_the_stream(ray, n_rows, per):
    """To the last bit, however the rows are cut into blocks, though a generator gives the random numbers."""
    table = mixed_table(400, 0)
    detector = Detector(random_state=np.random.RandomState(3))
    wanted = clone(detector).fit_stream([table], n_rows=n_rows, per=per)
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    blocks = [arrow.slice(start, size) for start, size in [(0, 7), (7, 250), (257, 1), (258, 142)]]
    for dataset in (ray.data.from_arrow(blocks), ray.data.from_arrow(arrow).repartition(3)):
        found = engine.fit(dataset.map_batches(keep_rows, batch_size=None), detector, n_rows=n_rows, per=per)
        assert np.array_equal(found.score_samples(table), wanted.score_samples(table))
        assert np.array_equal(found.calibration_scores_, wanted.calibration_scores_)
    assert not hasattr(detector, "model_")


def keep_rows(batch):
    return batch


def test_what_cannot_be_fitted_is_one_line(ray):
    """Also if a worker finds it."""
    with pytest.raises(InputError, match=r"^Ray fits a TabularVAEDetector, got Pipeline; apply the steps"):
        engine.fit(ray.data.range(30), make_pipeline(Detector()))
    with pytest.raises(InputError, match=r"^the dataset has no rows$"):
        engine.fit(ray.data.range(30).filter(lambda row: row["id"] < 0), Detector())
    with pytest.raises(SchemaError, match=r"^per: 'host' is not a column of the batches: id$"):
        engine.fit(ray.data.range(30), Detector(), per="host")
    frames = [pd.DataFrame({"x": range(30)}), pd.DataFrame({"y": range(30)})]
    with pytest.raises(InputError, match=r"^batch 1: there is no column 'x', which batch 0 has"):
        engine.fit(ray.data.from_pandas(frames), Detector())


def test_a_worker_that_always_dies_is_one_line(ray):
    """With the way out."""
    task = ray.remote(max_retries=0)(lambda: os._exit(1))
    with pytest.raises(WorkerLostError, match=r"^workers died 6 times .* give a smaller n_rows"):
        engine._result(ray, task.remote())


def test_tuning_gives_what_one_process_gives(ray):
    """Values to the last bit, and the error of a candidate that failed."""
    table, parameters = mixed_table(120, 0), {"latent_dim": [1, 3, -1]}
    found = tune(Detector(), table, parameters=parameters, backend="ray")
    wanted = tune(Detector(), table, parameters=parameters)
    assert found.results_.drop(columns="seconds").equals(wanted.results_.drop(columns="seconds"))
    assert found.results_["error"][2].startswith("InvalidParameterError: ")
    assert found.best_params_ == wanted.best_params_


def scored_parts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("part-*.csv")}


def test_a_worker_that_is_killed_loses_and_doubles_no_row(ray, model, tmp_path, run):
    """The files are those of a run in which none died."""
    (tmp_path / "in").mkdir()
    for number in range(6):
        write_table(tmp_path / "in" / f"{number}.csv", COLUMNS, orders(2_000, seed=number))
    arguments = ["score", model, str(tmp_path / "in"), "--engine", "ray", "-o"]
    assert run(*arguments, str(tmp_path / "calm")).code == 0
    killed = []
    stop = threading.Event()
    killer = threading.Thread(target=kill_one_worker, args=(tmp_path / "out", killed, stop))
    killer.start()
    ended = run(*arguments, str(tmp_path / "out"))
    stop.set()
    killer.join()
    assert ended.code == 0, ended.err
    assert killed
    assert scored_parts(tmp_path / "out") == scored_parts(tmp_path / "calm")
    assert "12,000 rows" in ended.err


def kill_one_worker(output: Path, killed: list[int], stop: threading.Event) -> None:
    """Kill the first worker that is seen at a part."""
    while not killed and not stop.is_set():
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if command.startswith(b"ray::score_part"):
                os.kill(int(process.name), signal.SIGKILL)
                killed.append(int(process.name))
                return
        time.sleep(0.001)


def test_a_row_that_cannot_be_read_ends_the_run_with_its_line(ray, model, tmp_path, run):
    """The error of a worker is the error of the command."""
    rows = orders(20)
    rows[3][2] = "many"
    path = write_table(tmp_path / "in.csv", COLUMNS, rows)
    ended = run("score", model, path, "--engine", "ray", "-o", str(tmp_path / "out"))
    assert ended.code == 2
    assert "in.csv, line 5: column 'count': wanted a number, got 'many'" in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_options_that_need_one_process_are_refused(model, tmp_path, run):
    """Before Ray is started."""
    ended = run("score", model, "x.csv", "--engine", "ray", "-o", str(tmp_path / "out"), "--fdr", "0.1")
    assert ended.code == 2
    assert "--fdr cannot be used with --engine ray" in ended.err
    ended = run("score", model, "x.csv", "-o", str(tmp_path / "out"), "--address", "auto")
    assert "--address needs --engine ray" in ended.err


def test_without_ray_the_message_names_the_extra(monkeypatch):
    """Not a traceback of an import."""
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'anomaly-vae\[ray\]'"):
        engine.require_ray()
