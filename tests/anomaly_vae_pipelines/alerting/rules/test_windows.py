"""Rows counted up in windows, and runs of k of n, against a count by hand."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae_pipelines.alerting.rules.base import RuleOptions
from anomaly_vae_pipelines.alerting.rules.limits import Limit
from anomaly_vae_pipelines.alerting.rules.window_rules import ShareRule
from anomaly_vae_pipelines.alerting.rules.windows import Window
from tests.anomaly_vae_pipelines.alerting.matching import HOSTS, found, stream
from tests.anomaly_vae_pipelines.alerting.streams import scored


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


def test_a_late_row_counts_in_the_open_window():
    """One window late is late; later than that, or in the far future, begins another window."""
    rule = ShareRule(RuleOptions("r"), Window(None, 10.0, 1), Limit(), 0.01)
    times = [1, 11, 9, 12, 9e8, 13, 14]
    sizes = [f.measures["rows"] for f in found(rule, scored([True] * 7), times=times)]
    assert sizes == [1, 3, 1, 2]
