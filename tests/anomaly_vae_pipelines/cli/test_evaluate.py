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
        "normal", "anomalous", "",
    ]  # fmt: skip


def test_json_has_every_number(run, model, unseen):
    """The same numbers for a program, unrounded."""
    result = json.loads(run("evaluate", model, unseen, "--label", "label", "--normal", "good", "--json").out)
    assert (result["n_normal"], result["n_anomalous"], result["n_unlabelled"]) == (36, 4, 0)
    assert result["recall"] == result["n_hits"] / 4
    assert result["auroc"] > 0.9
    n_below, counts = result["histogram"]["n_below"], result["histogram"]["counts"]
    assert {kind: sum(some) for kind, some in counts.items()} == {"normal": 36, "anomalous": 4}
    assert sum(counts["anomalous"][:n_below]) == result["n_hits"]


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
    """A normal value that no row has cannot be evaluated."""
    ended = run("evaluate", model, unseen, "--label", "label", "--normal", "Good")
    assert ended.code == 2
    assert "0 of 40 labelled rows have 'Good'" in ended.err


def test_the_exit_code_is_that_of_the_gate(run, model, unseen):
    """0 if all clauses hold, else 1 with a line for each that does not."""
    labels = ("--label", "label", "--normal", "good")
    ended = run("evaluate", model, unseen, *labels, "--gate", "auroc>=0.5")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[-1].split() == ["gate", "auroc>=0.5", "holds"]
    ended = run("evaluate", model, unseen, *labels, "--gate", "auroc>=0.5,auroc<=0.5", "--json")
    assert ended.code == 1
    assert [one["holds"] for one in json.loads(ended.out)["gate"]["clauses"]] == [True, False]
    assert "the gate auroc<=0.5 does not hold" in ended.err
    assert run("evaluate", model, unseen, *labels, "--gate", "auroc>=old").code == 2


def test_a_gate_of_images_may_be_about_pixels(run, image_model, plates):
    """The measures of masks have names too."""
    ended = run("evaluate", image_model, str(plates), "--gate", "pro>=0,pixel_auroc>1")
    assert ended.code == 1
    assert "pixel_auroc>1 does not hold" in ended.out
    assert "pro>=0 holds" in ended.out
