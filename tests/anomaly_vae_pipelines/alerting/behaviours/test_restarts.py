"""A stream, however it is cut and however often the run begins anew, raises the same alerts."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae_pipelines.records import ScoredRows
from tests.anomaly_vae_pipelines.alerting.streams import START, alerter, delivered, parts, scored

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where writing to disk costs nothing: the law has thousands of alerts."""

RULES = """
time = "when"
key = ["host"]
cooldown = "40s"

[[rule]]
name = "row"
kind = "score"

[[rule]]
name = "run"
kind = "run"
k = 2
n = 3

[[rule]]
name = "share of rows"
kind = "share"
share = 0.2
window = 7

[[rule]]
name = "share of time"
kind = "share"
share = 0.2
window = "30s"
least = 2
key = []

[[rule]]
name = "empty"
kind = "missing"
columns = ["city"]
share = 0.3
window = 5
cooldown = "0s"

[[rule]]
name = "drift"
kind = "drift"
window = 9
effect = 0.2
p_value = 0.9

[[rule]]
name = "whole"
kind = "share"
share = 0.01
least = 1
"""


@st.composite
def streams(draw: st.DrawFn) -> ScoredRows:
    """Rows of three hosts with anomalies, empty cells, and times that go on, jump and are late."""
    n_rows = draw(st.integers(1, 60))
    lists = {"min_size": n_rows, "max_size": n_rows}
    steps = draw(st.lists(st.sampled_from([0, 1, 1, 5, 20, 100, -3, -40]), **lists))
    times = START + np.cumsum(steps)
    return scored(
        draw(st.lists(st.booleans(), **lists)),
        scores=draw(st.lists(st.sampled_from([-9.0, -2.0, -1.0, 0.0]), **lists)),
        host=draw(st.lists(st.sampled_from(["a", "b", ""]), **lists)),
        city=draw(st.lists(st.sampled_from(["x", ""]), **lists)),
        when=[f"{time}" if draw(st.integers(0, 9)) else "" for time in times[:1]]
        + [f"{t}" for t in times[1:]],
    )


def run(stream: ScoredRows, cuts: list[int], restarts: set[int], *, own_file: bool) -> list[str]:
    """Ids of the alerts of a stream, of which some cuts are restarts."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        folder, checkpoint = Path(name), None
        make = {"calibration": np.array([-1.0, -0.5, 0.0]), "state": "state.json" if own_file else None}
        current = alerter(folder, RULES, **make)
        for number, batch in enumerate(parts(stream, cuts)):
            if number in restarts:
                current.close(ended=False)
                checkpoint = json.dumps(current.get_state())
                current = alerter(folder, RULES, **make)
                if not own_file:
                    current.set_state(json.loads(checkpoint))
            current.observe(batch)
        current.close()
        return [alert.id for alert in delivered(folder)]


@settings(max_examples=50, deadline=None)
@given(stream=streams(), data=st.data(), own_file=st.booleans())
@pytest.mark.slow
def test_no_cut_and_no_restart_repeats_or_loses_an_alert(stream, data, own_file):
    """The ids are those of one run over all rows in one batch, in the file and in a watcher's checkpoint."""
    whole = run(stream, [], set(), own_file=own_file)
    cuts = data.draw(st.lists(st.integers(0, len(stream.scores)), max_size=6))
    restarts = data.draw(st.sets(st.integers(1, 6)))
    pieces = run(stream, cuts, restarts, own_file=own_file)
    assert len(set(whole)) == len(whole)
    assert sorted(pieces) == sorted(whole)


def test_rows_that_come_again_after_a_crash_raise_the_same_ids(tmp_path):
    """A watcher that goes back to its checkpoint sends doubles that a receiver can tell by their id."""
    stream = scored([False, True] * 20, host=["a", "b"] * 20, city=["x"] * 40, when=range(START, START + 40))
    first, second = parts(stream, [10])
    watcher = alerter(tmp_path, RULES, calibration=np.zeros(3))
    watcher.observe(first)
    watcher.checkpoint()
    lost = watcher.observe(second)
    watcher.release()  # as the death of its process does
    again = alerter(tmp_path, RULES, calibration=np.zeros(3)).observe(second)
    assert lost
    assert again == lost


def test_a_row_without_a_time_after_a_restart_has_that_of_the_row_before(tmp_path):
    """The time of the last row is part of the state."""
    rules = 'time = "when"\n[[rule]]\nname = "r"\nkind = "score"\n'
    before = alerter(tmp_path, rules)
    before.observe(scored([False], when=["2026-01-01T00:00:00Z"]))
    before.close(ended=False)
    (alert,) = alerter(tmp_path, rules).observe(scored([True], when=[""]))
    assert alert.time == "2026-01-01T00:00:00.000Z"


def test_the_same_line_of_another_days_file_is_another_row(tmp_path):
    """An id depends on the cells, not only on the file's name and the line."""
    rules = '[[rule]]\nname = "row"\nkind = "score"\n'
    alerts = []
    for amount in ("1", "2"):
        batch = scored([True], city=[amount])
        alerts += alerter(tmp_path, rules, state=None).observe(batch)
    assert alerts[0].id != alerts[1].id
