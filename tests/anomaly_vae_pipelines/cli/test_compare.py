"""``anomaly-vae compare``."""

from __future__ import annotations

import json

import pytest

LABELS = ("--label", "label", "--normal", "good")


@pytest.fixture(scope="module")
def deaf(tmp_path_factory, model):
    """The model with a threshold below which no row scores."""
    from anomaly_vae import load, save

    path = str(tmp_path_factory.mktemp("deaf") / "deaf.avae")
    detector = load(model)
    detector.set_threshold(offset=-1e9)
    save(detector, path)
    return path


def test_what_changes_is_printed(run, model, deaf, unseen):
    """Ranks, alerts with examples and reasons, and the measures of known rows."""
    ended = run("compare", model, deaf, unseen, *LABELS)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == f"{deaf} instead of {model}, on 40 rows of {unseen}"
    assert [line.split("  ")[1].strip() for line in lines[1:7]] == [
        "rank correlation", "threshold", "alerts", "recall", "false alarms", "average precision",
    ]  # fmt: skip
    assert "1.0000" in lines[1]
    assert "0, were" in lines[3]
    assert "of 4 anomalous rows" in lines[4]
    titles = [line for line in lines if not line.startswith(" ")]
    assert titles[1].startswith("alerts of the old model only: ")
    assert "nats, was" in lines[-1]
    assert " %)" in lines[-1]


def test_the_exit_code_is_that_of_the_gate(run, model, deaf, unseen):
    """0 if all clauses hold, else 1 with a line for each that does not."""
    gate = ("--gate", "recall>=old-0.02,false_alarms<=0.5")
    assert run("compare", model, model, unseen, *LABELS, *gate).code == 0
    ended = run("compare", model, deaf, unseen, *LABELS, *gate)
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert "error: the gate recall>=old-0.02 does not hold: it is 0, and the limit is" in ended.err
    assert "recall>=old-0.02 does not hold" in ended.out
    assert "false_alarms<=0.5 holds" in ended.out
    assert run("compare", model, model, unseen, "--gate", "rank_correlation>=0.99,alerts<=old").code == 0


def test_json_has_every_number(run, model, deaf, unseen):
    """The same for a program."""
    ended = run("compare", model, deaf, unseen, *LABELS, "--gate", "recall>0", "--examples", "2", "--json")
    result = json.loads(ended.out)
    assert result["n_rows"] == 40
    assert result["new"]["recall"] == 0.0
    assert result["old"]["n_alerts"] == result["alerts"]["only_old"]["n_rows"]
    assert len(result["alerts"]["only_old"]["examples"]) <= 2
    assert result["gate"] == {
        "holds": False,
        "clauses": [{"clause": "recall>0", "value": 0.0, "limit": 0.0, "holds": False}],
    }


def test_a_gate_is_checked_before_rows_are_read(run, model, unseen):
    """An unknown metric, and known rows that are missing, are bad usage."""
    ended = run("compare", model, model, unseen, "--gate", "recal>=1")
    assert ended.code == 2
    assert "there is no metric 'recal'" in ended.err
    ended = run("compare", model, model, unseen, "--gate", "recall>=1")
    assert ended.code == 2
    assert "The gate on recall needs known rows; give --label and --normal, or --verdicts" in ended.err
