"""An alert over many rows says how many, which is the worst and why, alike in every sink; ids name rows."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from anomaly_vae_pipelines.alerting.delivery.sinks import alertmanager_alert
from anomaly_vae_pipelines.alerting.wording import columns_text, message, title
from anomaly_vae_pipelines.errors import UnknownNameError
from anomaly_vae_pipelines.reasons import Reason
from anomaly_vae_pipelines.records import ImageRows, ScoredRows
from tests.anomaly_vae_pipelines.alerting.streams import alerter, delivered, scored

SCORE = '[[rule]]\nname = "odd"\nkind = "score"\n'
WORST = "line 109 at -3283 nats, because amount=109 (expected 20.5)"


def many(n_rows: int = 36) -> ScoredRows:
    """Anomalous rows from line 100 on, of which that on line 109 is the worst."""
    scores = np.full(n_rows, -90.0)
    scores[9] = -3282.97
    return scored([True] * n_rows, scores=scores, start=100, host=[f"h{i}" for i in range(n_rows)])


def test_an_alert_over_many_rows_names_the_worst_in_every_sink(tmp_path):
    """Heading, columns and reasons are of one row."""
    (alert,) = alerter(tmp_path, SCORE).observe(many())
    assert alert.what == f"36 rows; worst is {WORST}"
    assert [reason.observed for reason in alert.columns] == ["109"]
    assert alert.worst is not None
    assert (alert.worst.number, alert.measures) == (109, {"score": -3282.97})
    (line,) = delivered(tmp_path)
    assert (line.what, line.worst) == (alert.what, alert.worst)
    annotations = alertmanager_alert(alert, 0.0)["annotations"]
    assert annotations["summary"] == alert.what
    assert annotations["columns"] == "amount=109 (expected 20.5)"
    assert title(alert) == f"[warning] odd: {alert.what}"
    assert message(alert).startswith(alert.what)
    assert "columns: amount=109 (expected 20.5)" in message(alert)


def test_one_row_is_one_row(tmp_path):
    """Singular and plural are right."""
    (alert,) = alerter(tmp_path, SCORE).observe(scored([True]))
    assert alert.what == "1 row: line 2 at -90 nats, because amount=2 (expected 20.5)"


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ('kind = "score"\nbelow = -50.0', f"36 rows with score under -50 nats; worst is {WORST}"),
        (
            'kind = "run"\nk = 3\nn = 5',
            f"5 of 5 consecutive rows count (anomalous), 36 rows in all; worst is {WORST}",
        ),
        (
            'kind = "share"\nshare = 0.5\nwindow = 12',
            f"100 % of rows count (anomalous) in 12 rows (the worst of 3 windows); worst is {WORST}",
        ),
        (
            'kind = "share"\nshare = 0.5\nwindow = 36',
            f"100 % of rows count (anomalous) in 36 rows; worst is {WORST}",
        ),
    ],
)
def test_every_rule_about_scores_names_the_worst_row(tmp_path, rule, what):
    """After what the rule counts, in its own words."""
    (alert,) = alerter(tmp_path, f'[[rule]]\nname = "odd"\n{rule}\n').observe(many())
    assert alert.what == what


def test_what_is_not_about_scores_has_no_worst_row(tmp_path):
    """Empty cells and silence."""
    rule = '[[rule]]\nname = "m"\nkind = "missing"\ncolumns = ["city"]\nshare = 0.5\nwindow = 1\n'
    (alert,) = alerter(tmp_path, rule).observe(scored([True], city=[""]))
    assert (alert.worst, alert.what) == (None, "'city' is missing in 100 % of rows in 1 row")


@pytest.mark.parametrize("by_option", [False, True])
def test_ids_name_rows(tmp_path, by_option):
    """Beside their lines, in the heading, in each row of JSON, and in messages."""
    rules = SCORE if by_option else 'id = ["host"]\n' + SCORE
    current = alerter(tmp_path, rules, ids=["host"] if by_option else [])
    assert "host" in current.columns
    (alert,) = current.observe(many())
    assert alert.what.startswith("36 rows; worst is host=h9 (line 109) at -3283 nats, because")
    assert [row.ids for row in alert.rows[:2]] == [{"host": "h0"}, {"host": "h1"}]
    assert json.loads(alert.to_json())["worst"]["ids"] == {"host": "h9"}
    assert "rows: rows.csv host=h0 (line 100), host=h1 (line 101)" in message(alert)
    assert "host=h0 (line 100)" in alertmanager_alert(alert, 0.0)["annotations"]["rows"]
    assert "h9" not in str(alertmanager_alert(alert, 0.0)["labels"])


def test_an_id_column_that_is_not_there_is_named(tmp_path):
    """Before a row is judged, with the nearest."""
    with pytest.raises(UnknownNameError, match=r"no column 'hosst'.*--id.*did you mean 'host'"):
        alerter(tmp_path, SCORE, ids=["hosst"]).observe(many())


def test_a_row_is_called_by_what_its_file_counts():
    """Lines, rows of Parquet, names of images; of another file than the alert's, with its name."""
    batch = scored([True], start=7)
    assert batch.rows.name_of(0) == "line 7"
    assert replace(batch.rows, unit="row").name_of(0) == "row 7"
    pixels = np.zeros((2, 1, 1))
    files = pa.table({"file": ["a.png", "b.npy"]})
    images = ImageRows("b.npy", ("file",), files, np.array([1, 2]), images=pixels, paths=("a.png", "b.npy"))
    assert [images.name_of(0), images.name_of(1)] == ["a.png", "image 2"]


def test_a_place_in_an_image_is_no_combination_of_columns(tmp_path):
    """Where nothing was observed or expected, the cost says how odd it is."""
    batch = scored([True])
    odd = replace(batch, reasons={0: [Reason("y=1 x=2", -5.3, None, None)]})
    (alert,) = alerter(tmp_path, SCORE).observe(odd)
    assert alert.what == "1 row: line 2 at -90 nats, because y=1 x=2 (-5.3 nats)"
    assert columns_text([Reason("y=1 x=2", -5.3, None, None, 0.7)]) == "y=1 x=2 (-5.3 nats, 70 %)"


def test_a_value_that_training_never_saw_is_called_so():
    reason = Reason("ver", -9.1, "v9", "v2", 0.5, unseen=True)
    assert columns_text([reason]) == "ver=v9 (never seen, expected v2)"
