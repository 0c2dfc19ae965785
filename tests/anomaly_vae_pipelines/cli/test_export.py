"""``anomaly-vae export``."""

from __future__ import annotations

import onnx

from tests.anomaly_vae_pipelines.conftest import COLUMNS


def test_it_prints_what_was_written_and_how_to_use_it(run, model, tmp_path):
    """The inputs are the columns of the model."""
    path = tmp_path / "model.onnx"
    ended = run("export", model, "-o", str(path))
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == f"exported {model}"
    assert "2 numbers (double), 2 texts (string), 1 date (double, seconds since 1970)" in lines[1]
    assert f"{path} ({path.stat().st_size / 1e6:.1f} MB)" in ended.out
    assert "shape (n_rows, 1)" in lines[-1]
    exported = onnx.load(path).graph
    assert [each.name for each in exported.input] == COLUMNS[1:-1]
    assert all(each.name in lines[2] for each in exported.output)
