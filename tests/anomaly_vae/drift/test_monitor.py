"""A monitor counts rows and reports on them at any time."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae.drift.monitor import DriftMonitor
from tests.anomaly_vae.conftest import mixed_table
from tests.anomaly_vae.drift.references import N_ROWS, names, reference, rows


def report_of(*parts, rate=0.01):
    monitor = DriftMonitor(reference(), rate)
    for part in parts:
        monitor.add(part)
    return monitor.report()


def test_still_rows_have_not_drifted():
    report = report_of(rows(mixed_table(1_000, 11)))
    assert not report.drifted
    assert (report.n_rows, report.n_calibration, report.since) == (1_000, N_ROWS, None)
    assert all(column.effect < 0.1 for column in report.columns if column.effect is not None)


def test_a_report_has_a_line_for_each_column_and_the_latent_term():
    report = report_of(rows(mixed_table(50, 11)))
    assert [column.name for column in report.columns] == [*names(), "latent"]
    assert report.score.name == "score"
    by_name = {column.name: column for column in report.columns}
    assert by_name["when"].effect is None
    assert by_name["note"].missing == pytest.approx(0.3, abs=0.2)
    assert by_name["length"].missing == 0.0
    assert by_name["latent"].missing is None


def test_parts_of_a_stream_are_reported_as_the_whole():
    table = mixed_table(600, 12)
    table.loc[300:, "weight"] -= 6.0
    whole = rows(table)
    parts = [type(whole)(whole.codes[half], *whole_sums) for half, whole_sums in _halves(whole)]
    report, other = report_of(whole), report_of(*parts)
    assert report.since == other.since > 300
    assert report.moved == other.moved == ("weight",)
    assert report.alert_rate == other.alert_rate


def _halves(whole):
    """The halves of the codes; sums as if both had the same."""
    for half, n_alerts in ((slice(0, 300), whole.n_alerts), (slice(300, None), 0)):
        yield half, (whole.shortfalls, whole.alerts / 2, n_alerts)


def test_effects_shares_and_nats_of_what_changed():
    table = mixed_table(2_000, 13)
    table["colour"] = np.where(np.arange(2_000) % 4 == 0, "violet", table["colour"])
    table["length"] += 100.0
    table.loc[::2, "note"] = np.nan
    report = report_of(rows(table, lower=2.0))
    column = {column.name: column for column in report.columns}
    assert column["colour"].unseen == pytest.approx(0.25)
    assert column["colour"].shift is None
    assert column["length"].unseen == 1.0
    assert column["length"].effect > 0.85
    assert column["length"].shift > 2.0
    assert column["length"].nats == pytest.approx(-2.0, abs=0.2)
    assert column["note"].missing == pytest.approx(0.65, abs=0.05)
    assert column["note"].calibration_missing == pytest.approx(0.3, abs=0.05)
    assert report.score.shift < -1.0
    assert report.score.drifted


def test_what_columns_explain_sums_to_the_change_of_the_alert_rate():
    """As every flagged row has a shortfall."""
    report = report_of(rows(mixed_table(1_000, 14), lower=3.0))
    explained = sum(column.alerts for column in report.columns)
    assert explained == pytest.approx(report.alert_rate - report.calibration_alert_rate)
    assert max(report.columns, key=lambda column: column.alerts).name == "length"


def test_a_report_without_rows_says_nothing():
    report = report_of()
    assert not report.drifted
    assert (report.n_rows, report.alert_rate) == (0, None)
    assert all(column.effect is column.missing is column.nats is None for column in report.columns)


def test_reports_of_still_tables_are_wrong_at_most_as_often_as_the_rate():
    """At a rate of .2 and 30 tables; tests and martingale together."""
    wrong = sum(report_of(rows(mixed_table(300, seed), seed), rate=0.2).drifted for seed in range(20, 50))
    assert wrong <= 6
