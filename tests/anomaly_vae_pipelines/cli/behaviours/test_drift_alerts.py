"""Drift of a stream as an alert: of a batch, and of a file that grows, with its state over restarts."""

from __future__ import annotations

import pytest

from tests.anomaly_vae_pipelines.cli.conftest import alerts_in
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table

RULES = """
[[rule]]
name = "drift"
kind = "drift"

[[sink]]
kind = "jsonl"
path = "{path}"
"""

AMOUNT = COLUMNS.index("amount")


@pytest.fixture
def rules(tmp_path) -> str:
    path = tmp_path / "rules.toml"
    path.write_text(RULES.format(path=tmp_path / "alerts.jsonl"))
    return str(path)


def moved(n_rows: int, seed: int) -> list[list[str]]:
    """Orders whose amounts are ten times as large."""
    rows = [[*row] for row in orders(n_rows, seed)]
    for row in rows:
        row[AMOUNT] = row[AMOUNT] and f"{10 * float(row[AMOUNT]):.2f}"
    return rows


def test_a_batch_raises_an_alert_that_names_the_column(run, model, rules, tmp_path):
    table = write_table(tmp_path / "rows.csv", COLUMNS, moved(300, 3))
    ended = run("score", model, table, "-o", str(tmp_path / "out.csv"), "--alerts", rules, "--fail-on-alert")
    assert ended.code == 3, ended.err
    (alert,) = alerts_in(tmp_path)
    assert "rows drifted from calibration in amount (" in alert["what"]


@pytest.mark.slow
def test_a_watched_file_raises_it_though_each_run_sees_few_rows(run, model, rules, tmp_path):
    """The evidence of earlier runs is in the checkpoint."""
    rows, n_alerts = moved(300, 4), []
    for stop in (3, 6, 9, 12, 300):
        table = write_table(tmp_path / "rows.csv", COLUMNS, rows[:stop])
        ended = run("watch", model, table, "--alerts", rules, "--once", "--quiet")
        assert ended.code == 0, ended.err
        n_alerts.append(len(alerts_in(tmp_path)))
    assert n_alerts[0] == 0
    assert n_alerts[-1] == 1


def test_the_table_of_rules_says_what_it_finds_and_how_often_by_chance(run, model, rules):
    ended = run("alerts", "check", rules, model)
    assert ended.code == 0
    shown = " ".join(ended.out.split())
    assert "martingale" in shown
    assert "1 %" in shown
