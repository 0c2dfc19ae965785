"""``anomaly-vae learn``."""

from __future__ import annotations

import json

from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table


def test_what_was_learned_is_printed(run, model, tmp_path):
    """Numbers of verdicts, of flagged rows before and after, and the threshold."""
    rows = [[*row, kind] for row, kind in zip(orders(12, 3), ["normal", "anomalous", ""] * 4, strict=True)]
    verdicts = write_table(tmp_path / "v.csv", [*COLUMNS, "said"], rows)
    output = str(tmp_path / "learned.avae")
    ended = run("learn", model, verdicts, "-o", output, "--verdict", "said")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0] == f"learned from 8 verdicts in {verdicts}; 4 without a verdict ignored"
    assert [line.split()[0] for line in lines[1:6]] == [
        "remembered",
        "anomalous",
        "normal",
        "held",
        "threshold",
    ]
    assert "of 4 flagged, were" in lines[2]
    ended = run("learn", output, verdicts, "-o", output, "--force", "--verdict", "said", "--json")
    assert json.loads(ended.out)["n_remembered"] == 16
    shown = run("inspect", output)
    assert "8 normal, 8 anomalous" in shown.out


def test_a_model_of_images_does_not_learn(run, image_model, model, unseen, tmp_path):
    """Bad usage, in one line."""
    ended = run("learn", image_model, unseen, "-o", str(tmp_path / "learned.avae"))
    assert ended.code == 2
    assert "only models of tables learn" in ended.err
    assert run("learn", model, unseen, "-o", str(tmp_path / "learned.avae")).code == 2
