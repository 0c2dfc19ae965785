"""``anomaly-vae evaluate``."""

from __future__ import annotations

import json


def test_a_small_table_is_printed(run, model, unseen):
    """Order and threshold are judged, with the counts behind each share."""
    ended = run("evaluate", model, unseen, "--label", "label", "--normal", "good")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "40 rows, 4 of them anomalous"
    assert [line[2:19].rstrip() for line in lines[1:]] == [
        "AUROC", "average precision", "threshold", "precision", "recall", "false-alarm rate",
    ]  # fmt: skip


def test_json_has_every_number(run, model, unseen):
    """The same numbers for a program, unrounded."""
    result = json.loads(run("evaluate", model, unseen, "--label", "label", "--normal", "good", "--json").out)
    assert (result["n_normal"], result["n_anomalous"], result["n_unlabelled"]) == (36, 4, 0)
    assert result["recall"] == result["n_hits"] / 4
    assert result["auroc"] > 0.9


def test_label_and_normal_are_needed(run, model, unseen):
    """Without a label there is nothing to compare with."""
    ended = run("evaluate", model, unseen, "--label", "label")
    assert ended.code == 2
    assert "--normal" in ended.err


def test_a_label_that_is_not_there_is_refused(run, model, unseen):
    """The nearest column is named."""
    ended = run("evaluate", model, unseen, "--label", "lable", "--normal", "good")
    assert ended.code == 2
    assert "no column 'lable'; did you mean 'label'?" in ended.err


def test_rows_of_one_kind_cannot_be_evaluated(run, model, unseen):
    """A normal value that no row has is no evaluation."""
    ended = run("evaluate", model, unseen, "--label", "label", "--normal", "Good")
    assert ended.code == 2
    assert "0 of 40 labelled rows have 'Good'" in ended.err
