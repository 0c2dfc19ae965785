"""Rows counted up in windows, and runs of k of n, against a count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from anomaly_vae_pipelines.alerting.rules.base import RuleOptions
from anomaly_vae_pipelines.alerting.rules.limits import CalibrationScores, Limit
from anomaly_vae_pipelines.alerting.rules.row_rules import RunRule, ScoreRule
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows
from anomaly_vae_pipelines.alerting.rules.window_rules import MissingRule, ShareRule
from anomaly_vae_pipelines.alerting.rules.windows import Window
from tests.anomaly_vae_pipelines.alerting.streams import parts, scored

HOSTS = st.lists(
    st.tuples(st.booleans(), st.sampled_from("abc"), st.integers(0, 30)), min_size=1, max_size=80
)


def found(rule, batch, cuts=(), times=None):
    """Matches in a stream, and at its end."""
    clock = iter(np.zeros(len(batch.scores)) if times is None else times)
    matches = []
    for piece in parts(batch, cuts):
        timed = TimedRows(piece, np.array([next(clock) for _ in piece.scores], dtype=float))
        matches += rule.find(timed)
    return matches + list(rule.end(0.0))


def stream(rows):
    return scored([flag for flag, _, _ in rows], host=[host for _, host, _ in rows])


@settings(max_examples=60, deadline=None)
@given(rows=HOSTS, width=st.integers(1, 9), least=st.integers(1, 9), cut=st.integers(0, 80))
def test_windows_of_rows_are_those_counted_by_hand(rows, width, least, cut):
    """Each host's rows in groups of ``width``, the last one shorter; those with ``least`` rows are judged."""
    rule = ShareRule(RuleOptions("r", key=("host",)), Window(width, None, min(least, width)), Limit(), 0.5)
    got = found(rule, stream(rows), [min(cut, len(rows))])
    expected = []
    for host in "abc":
        flags = [(flag, i + 2) for i, (flag, other, _) in enumerate(rows) if other == host]
        for start in range(0, len(flags), width):
            group = flags[start : start + width]
            share = sum(flag for flag, _ in group) / len(group)
            if len(group) >= min(least, width) and share >= 0.5:
                expected.append(((host,), share, group[0][1], group[-1][1]))
    assert sorted((f.key, f.measures["share"], f.first.number, f.last.number) for f in got) == sorted(
        expected
    )


@settings(max_examples=60, deadline=None)
@given(rows=HOSTS, width=st.integers(1, 9), cut=st.integers(0, 80))
def test_windows_of_time_are_those_counted_by_hand(rows, width, cut):
    """In order of time, a window holds the rows of one stretch of the clock."""
    rows = sorted(rows, key=lambda row: row[2])
    rule = ShareRule(RuleOptions("r", key=("host",)), Window(None, float(width), 1), Limit(), 0.5)
    got = found(rule, stream(rows), [min(cut, len(rows))], times=[time for _, _, time in rows])
    groups: dict[tuple[str, int], list[bool]] = {}
    for flag, host, time in rows:
        groups.setdefault((host, time // width), []).append(flag)
    expected = [(host, sum(flags), len(flags)) for (host, _), flags in groups.items()]
    kept = sorted(row for row in expected if row[1] / row[2] >= 0.5)
    assert sorted((f.key[0], f.n_rows, f.measures["rows"]) for f in got) == kept


@settings(max_examples=60, deadline=None)
@given(rows=HOSTS, n=st.integers(1, 6), k=st.integers(1, 6), cut=st.integers(0, 80))
def test_runs_are_those_counted_by_hand(rows, n, k, cut):
    """A run ends at an anomalous row with k anomalous among the last n of its host."""
    k = min(k, n)
    got = found(RunRule(RuleOptions("r", key=("host",)), Limit(), k, n), stream(rows), [min(cut, len(rows))])
    expected = []
    for host in "abc":
        flags = [flag for flag, other, _ in rows if other == host]
        counts = [sum(flags[max(i + 1 - n, 0) : i + 1]) for i in range(len(flags))]
        expected += [(host, c) for c, flag in zip(counts, flags, strict=True) if flag and c >= k]
    assert sorted((f.key[0], f.n_rows) for f in got) == sorted(expected)


def test_a_late_row_counts_in_the_open_window():
    """One window late is late; later than that, or in the far future, begins another window."""
    rule = ShareRule(RuleOptions("r"), Window(None, 10.0, 1), Limit(), 0.01)
    times = [1, 11, 9, 12, 9e8, 13, 14]
    sizes = [f.measures["rows"] for f in found(rule, scored([True] * 7), times=times)]
    assert sizes == [1, 3, 1, 2]


def test_a_window_is_judged_when_nothing_comes_for_as_long():
    """The last window before a silence is not kept for the day after."""
    rule = ShareRule(RuleOptions("r"), Window(None, 10.0, 1), Limit(), 0.5)
    assert not list(rule.find(TimedRows(scored([True]), np.array([5.0]))))
    assert not list(rule.tick(0.0, idle=9.9))
    assert len(list(rule.tick(0.0, idle=10.0))) == 1
    assert not list(rule.tick(0.0, idle=20.0))


@pytest.mark.parametrize(
    ("line", "flags"),
    [
        (Limit(), [True, False, False]),
        (Limit(below=-50.0), [False, True, False]),
        (Limit(p_value=0.01), [False, False, True]),
    ],
)
def test_a_line_is_the_models_or_a_score_or_a_p_value(line, flags):
    """Under a score, strictly; up to a p-value."""
    batch = scored([True, False, False], scores=[-50.0, -50.1, 0.0], p_values=[0.02, 0.02, 0.01])
    assert line.flags(batch).tolist() == flags
    assert [f.at for f in found(ScoreRule(RuleOptions("r"), line), batch)] == [flags.index(True)]


def test_the_p_value_of_a_share_is_binomial():
    """So many or more of so many rows, if each counts as often as among normal rows; never 0."""
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
