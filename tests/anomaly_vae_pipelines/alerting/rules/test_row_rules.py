"""Single rows, and runs of k of n, against a count by hand."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae_pipelines.alerting.rules.base import RuleOptions
from anomaly_vae_pipelines.alerting.rules.limits import Limit
from anomaly_vae_pipelines.alerting.rules.row_rules import RunRule, ScoreRule
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows
from tests.anomaly_vae_pipelines.alerting.matching import HOSTS, found, stream
from tests.anomaly_vae_pipelines.alerting.streams import parts, scored


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


def test_a_run_is_continued_over_batches_and_restarts():
    """The state of a rule is JSON, and holds the recent rows."""
    batch = scored([True, False, True, False, False, True])
    first, second = parts(batch, [3])
    before, after = (RunRule(RuleOptions("r"), Limit(), 2, 4) for _ in range(2))
    assert [match.n_rows for match in before.find(TimedRows(first, np.zeros(3)))] == [2]
    after.set_state(json.loads(json.dumps(before.get_state())))
    (match,) = after.find(TimedRows(second, np.zeros(3)))
    assert [row.number for row in match.rows] == [4, 7]


def test_rates_of_false_alarms_are_binomial():
    """Of single rows that of the limit; of runs, the probability that k of n rows count."""
    limit = Limit(p_value=0.1)
    assert ScoreRule(RuleOptions("r"), limit).false_alarms == "10 % of rows"
    assert RunRule(RuleOptions("r"), limit, 2, 2).false_alarms == "1 % of sequences of 2 rows"
    assert RunRule(RuleOptions("r"), Limit(), 2, 2).false_alarms == ""
