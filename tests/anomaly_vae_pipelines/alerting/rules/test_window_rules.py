"""Shares, drift and missing cells in a window."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from anomaly_vae_pipelines.alerting.rules.base import RuleOptions
from anomaly_vae_pipelines.alerting.rules.limits import CalibrationScores, Limit
from anomaly_vae_pipelines.alerting.rules.row_rules import RunRule
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows
from anomaly_vae_pipelines.alerting.rules.window_rules import MissingRule, ShareRule
from anomaly_vae_pipelines.alerting.rules.windows import Window
from tests.anomaly_vae_pipelines.alerting.matching import found
from tests.anomaly_vae_pipelines.alerting.streams import alerter, parts, scored


def test_the_p_value_of_a_share_is_binomial():
    """The p-value of at least k of n rows, if each counts as often as among normal rows; never 0."""
    calibration = CalibrationScores(np.arange(-99.0, 0.0), offset=-95.0)
    (share,) = found(
        ShareRule(RuleOptions("r"), Window(10), Limit(calibration=calibration), 0.1), scored([True] * 10)
    )
    assert share.p_value == pytest.approx(binom.sf(9, 10, 0.05))
    (run,) = found(RunRule(RuleOptions("r"), Limit(p_value=0.1), 2, 2), scored([True] * 2))
    assert run.p_value == pytest.approx(0.01)
    assert CalibrationScores(np.zeros(9)).rate_under(-1.0) == 0.1


def test_missing_cells_are_empty_blank_or_null():
    """Each column has its own share, the worst is first, and what was expected is said."""
    batch = scored([False] * 4, a=["x", "", " ", "x"], b=[1.0, None, None, None], c=["x"] * 4)
    (match,) = found(MissingRule(RuleOptions("r"), Window(least=1), ["a", "b", "c"], 0.5), batch)
    assert match.measures == {"missing b": 0.75, "missing a": 0.5, "rows": 4}
    assert [reason.column for reason in match.columns] == ["b", "a"]
    assert match.columns[0].expected == "missing in under 50 % of rows"


def test_a_window_is_judged_when_nothing_comes_for_as_long():
    """The last window before a silence is not kept for the day after."""
    rule = ShareRule(RuleOptions("r"), Window(None, 10.0, 1), Limit(), 0.5)
    assert not list(rule.find(TimedRows(scored([True]), np.array([5.0]))))
    assert not list(rule.tick(0.0, idle=9.9))
    assert len(list(rule.tick(0.0, idle=10.0))) == 1
    assert not list(rule.tick(0.0, idle=20.0))


def test_the_worst_row_of_a_window_is_kept_over_a_restart(tmp_path):
    """It may come long before the window is judged, and after the twenty rows that are shown."""
    rule = '[[rule]]\nname = "odd"\nkind = "share"\nshare = 0.5\nwindow = 60\n'
    batch = scored([True] * 60, scores=[-90.0] * 30 + [-200.0] + [-90.0] * 29)
    first, second = parts(batch, [40])
    before = alerter(tmp_path, rule)
    before.observe(first)
    before.close(ended=False)
    (alert,) = alerter(tmp_path, rule).observe(second)
    assert alert.worst is not None
    assert (alert.worst.number, len(alert.rows), alert.n_rows) == (32, 20, 60)
