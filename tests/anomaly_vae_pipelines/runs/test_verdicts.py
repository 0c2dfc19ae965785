"""Rows to judge, of scored files and of alerts."""

from __future__ import annotations

import json

import pytest

from anomaly_vae import InputError
from anomaly_vae_pipelines.runs.score import ScoreRun
from anomaly_vae_pipelines.runs.verdicts import questions, write_verdicts
from tests.anomaly_vae_pipelines.cli.conftest import RULES
from tests.anomaly_vae_pipelines.conftest import COLUMNS, read_rows
from tests.anomaly_vae_pipelines.runs.test_threshold import threshold_file


@pytest.fixture
def scored(tmp_path, model, unseen):
    """A scored file with some flagged rows."""
    moved, path = str(tmp_path / "moved.avae"), str(tmp_path / "scored.csv")
    threshold_file(model, moved, contamination=0.3)
    ScoreRun(moved, [unseen], path)()
    return path


@pytest.mark.parametrize("only_flagged", [True, False])
def test_flagged_rows_are_asked_worst_first(scored, only_flagged):
    """With their cells and reasons; all rows on demand."""
    rows = [row for row in read_rows(scored) if not only_flagged or row["is_anomaly"] == "true"]
    asked = questions(scored, only_flagged=only_flagged)
    assert 0 < len(asked) == len(rows)
    worst = min(rows, key=lambda row: float(row["score"]))
    assert dict(asked[0].cells) == {name: worst[name] for name in COLUMNS}
    assert (asked[0].score, asked[0].reasons) == (float(worst["score"]), worst["top_columns"])
    assert [one.score for one in asked] == sorted(one.score for one in asked)


def test_rows_of_alerts_are_looked_up(tmp_path, run, model, unseen):
    """Once each, in the files that the alerts name."""
    rules, alerts = tmp_path / "rules.toml", tmp_path / "alerts.jsonl"
    rules.write_text(RULES.format(path=alerts))
    run("score", model, unseen, "-o", str(tmp_path / "scored.csv"), "--alerts", str(rules))
    named = {row["number"] for line in alerts.read_text().splitlines() for row in json.loads(line)["rows"]}
    asked = questions(str(alerts))
    assert 0 < len(asked) == len(named)
    rows = read_rows(unseen)
    assert all(dict(question.cells) in rows for question in asked)
    assert list(asked[0].cells) == COLUMNS
    assert f"{unseen}, line" in asked[0].name
    alerts.write_text(alerts.read_text().replace(f'"number": {min(named)},', '"number": 9999,'))
    with pytest.raises(InputError, match="has no line 9999"):
        questions(str(alerts))


def test_a_file_that_was_not_scored_is_refused(unseen):
    """The message says what to give."""
    with pytest.raises(InputError, match="no column 'score'; give a file that anomaly-vae score wrote"):
        questions(unseen)


def test_judged_rows_are_written_with_their_verdicts(scored, tmp_path):
    """As they are in the file; an older file is replaced."""
    path = str(tmp_path / "verdicts.csv")
    first, second, *_ = questions(scored)
    write_verdicts(path, [(second, "normal")], "said")
    write_verdicts(path, [(first, "anomalous"), (second, "normal")], "said")
    rows = read_rows(path)
    assert [row.pop("said") for row in rows] == ["anomalous", "normal"]
    assert rows == [dict(first.cells), dict(second.cells)]


def test_a_scored_file_may_have_decimal_commas(tmp_path):
    """The score is a number, and the cells of the row stay as they are."""
    lines = [
        "size;score;p_value;severity;is_anomaly;top_columns",
        "3000,5;-18,25;0,01;20,5;true;size:-9.1 (99 %)",
        "1001,2;-1,5;0,5;3,5;false;",
        "998,7;-20,5;0,01;20,5;true;size:-11.2 (99 %)",
    ]
    path = tmp_path / "scored.csv"
    path.write_text("\n".join(lines) + "\n")
    asked = questions(str(path))
    assert [(one.score, dict(one.cells)) for one in asked] == [
        (-20.5, {"size": "998,7"}),
        (-18.25, {"size": "3000,5"}),
    ]
