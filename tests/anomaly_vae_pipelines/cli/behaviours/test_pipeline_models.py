"""Models that are whole scikit-learn Pipelines, saved in Python and used on the command line."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from anomaly_vae import TabularVAEDetector, load, save
from tests.anomaly_vae_pipelines.conftest import orders, read_rows, read_table, write_table

NUMBERS = ["amount", "count"]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table whose numbers have gaps."""
    rows = [[order[1], order[2], order[-1]] for order in orders(80)]
    return write_table(tmp_path_factory.mktemp("table") / "table.csv", [*NUMBERS, "label"], rows)


@pytest.fixture(scope="module")
def model(tmp_path_factory, table):
    """Gaps filled, numbers scaled, then the detector."""
    detector = TabularVAEDetector(
        max_steps=30, validation_fraction=0.5, hidden_sizes=(8,), latent_dim=1, random_state=0
    )
    steps = SimpleImputer().set_output(transform="pandas"), StandardScaler().set_output(transform="pandas")
    path = tmp_path_factory.mktemp("model") / "pipeline.avae"
    save(make_pipeline(*steps, detector).fit(read_table(table)[NUMBERS]), path)
    return str(path)


def test_a_pipeline_scores_files(run, model, table, tmp_path):
    """Scores are those of the Pipeline in Python, reasons are in its columns."""
    out = str(tmp_path / "out.csv")
    assert run("score", model, table, "-o", out, "--explain", "all").code == 0
    rows = read_rows(out)
    expected = load(model).score_samples(read_table(table)[NUMBERS])
    np.testing.assert_array_equal([float(row["score"]) for row in rows], expected)
    names = {reason.split(":")[0] for row in rows for reason in row["top_columns"].split(";")}
    assert names <= {*NUMBERS, "latent", ""}


def test_a_pipeline_is_evaluated_inspected_and_moved(run, model, table, tmp_path):
    """What works for a detector works for a Pipeline that ends in one."""
    assert run("evaluate", model, table, "--label", "label", "--normal", "good").code == 0
    assert "TabularVAEDetector" in run("inspect", model).out
    moved = str(tmp_path / "moved.avae")
    assert run("threshold", model, "--offset", "-1.5", "-o", moved).code == 0
    assert load(moved)[-1].offset_ == -1.5


def test_a_pipeline_generates_no_rows(run, model, tmp_path):
    """Its steps cannot be inverted, and the message says so."""
    ended = run("sample", model, "-n", "3", "-o", str(tmp_path / "out.csv"))
    assert ended.code == 2
    assert "steps cannot be inverted" in ended.err


def test_a_pipeline_is_not_exported_but_its_last_step_is(run, model, tmp_path):
    """The message says what can be exported, and how."""
    path = tmp_path / "model.onnx"
    ended = run("export", model, "-o", str(path))
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "is a Pipeline, and only a detector of tables can be exported; export its last step" in ended.err
    assert not path.exists()
    load(model)[-1].to_onnx(path)
    assert path.exists()
