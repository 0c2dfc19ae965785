"""A stream, however it is cut and however often the run begins anew, raises the same alerts."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting import load_alerter
from anomaly_vae_pipelines.records import ScoredRows
from tests.anomaly_vae_pipelines.alerting.streams import START, FakeClock, alerter, delivered, parts, scored

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


def test_a_rule_whose_window_changed_begins_anew(tmp_path):
    """What was counted under other settings is not mixed with what comes; cool-downs go on."""
    rules = '[[rule]]\nname = "r"\nkind = "share"\nshare = 0.5\nwindow = {}\n'
    before = alerter(tmp_path, rules.format(4))
    before.observe(scored([True] * 3))
    before.close(ended=False)
    after = alerter(tmp_path, rules.format(5))
    assert not after.observe(scored([True] * 4))
    assert [alert.measures["rows"] for alert in after.observe(scored([True]))] == [5]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": 9}', '{"format": 1, "rules": 3}'])
def test_a_file_that_is_no_state_is_refused(tmp_path, text):
    """The message says how to start over."""
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(InputError, match=r"state.json: .*delete it"):
        alerter(tmp_path, '[[rule]]\nname = "r"\nkind = "score"\n')


def test_a_state_is_replaced_whole(tmp_path):
    """Nothing but the state and its spool is left behind, and only its owner may read it."""
    current = alerter(tmp_path, '[[rule]]\nname = "r"\nkind = "score"\n')
    current.observe(scored([True]))
    current.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "alerts.jsonl",
        "rules.toml",
        "state.json",
        "state.json.spool",
    ]
    assert (tmp_path / "state.json").stat().st_mode & 0o077 == 0


def test_the_spool_lies_beside_the_rules_where_there_is_no_state(tmp_path):
    """An alert is safe even in a run that remembers nothing."""
    current = alerter(tmp_path, '[[rule]]\nname = "r"\nkind = "score"\n', state=None)
    current.observe(scored([True]))
    assert (tmp_path / "rules.toml.spool").is_dir()


def test_a_clock_that_stands_groups_all_rows(tmp_path):
    """Without a time column the cool-down is one of the clock."""
    fake = FakeClock()
    current = alerter(tmp_path, '[[rule]]\nname = "r"\nkind = "score"\n', clock=fake.clock)
    (alert,) = current.observe(scored([True] * 3))
    assert (alert.n_rows, alert.first, alert.last, len(alert.rows)) == (3, 2, 4, 3)
    fake.time += 3599
    assert not current.observe(scored([True]))
    fake.time += 1
    assert len(current.observe(scored([True]))) == 1
    assert current.close().n_suppressed == 1


def test_the_environment_is_that_of_the_process_unless_another_is_given(tmp_path):
    """The public door needs the file alone."""
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\nname = "r"\nkind = "score"\n[[sink]]\nkind = "jsonl"\npath = "-"\n')
    assert load_alerter(path).prints
