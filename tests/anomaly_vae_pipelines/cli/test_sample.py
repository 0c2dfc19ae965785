"""``anomaly-vae sample``."""

from __future__ import annotations

from tests.anomaly_vae_pipelines.conftest import COLUMNS, read_rows


def test_generated_rows_look_like_the_table(run, model, tmp_path):
    """As many as were asked for, in the columns that the model was fitted on."""
    out = tmp_path / "drawn.csv"
    ended = run("sample", model, "-n", "30", "-o", str(out))
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    rows = read_rows(out)
    assert len(rows) == 30
    assert list(rows[0]) == COLUMNS[1:-1]
    assert all(0 <= float(row["count"]) <= 9 for row in rows)


def test_the_same_seed_draws_the_same_rows(run, model):
    """Without a seed it is seed 0."""
    draw = ["sample", model, "-n", "5", "-o", "-"]
    assert run(*draw).out == run(*draw, "--seed", "0").out != run(*draw, "--seed", "1").out
