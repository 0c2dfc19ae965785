"""The state is kept from run to run in one small file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting import load_alerter
from anomaly_vae_pipelines.alerting.state import load
from anomaly_vae_pipelines.errors import AlertingWarning
from tests.anomaly_vae_pipelines.alerting.streams import (
    START,
    FakeClock,
    alerter,
    part,
    scored,
)


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


SAVED = Path(__file__).parent / "saved"
"""Rules, and the state and the spool that a run of version 0.1 left in the middle of their input."""


def saved_alerter(folder):
    """The run that continues from ``SAVED``."""
    shutil.copy(SAVED / "rules.toml", folder)
    shutil.copy(SAVED / "state.json", folder)
    shutil.copytree(SAVED / "spool", folder / "state.json.spool" / "hook")
    return load_alerter(
        folder / "rules.toml",
        state=folder / "state.json",
        calibration_scores=-np.arange(1.0, 41.0),
        offset=-30.0,
        environ={},
        clock=FakeClock().clock,
    )


def test_a_state_of_an_earlier_version_is_continued(tmp_path):
    """Windows, runs and cool-downs go on, and the ids are those that the earlier version gave."""
    flags = [i % 2 == 0 for i in range(20)]
    stream = scored(
        flags,
        scores=[-90.0 - i if flag else -5.0 for i, flag in enumerate(flags)],
        p_values=[0.05 if flag else 0.9 for flag in flags],
        host=["a"] * 20,
        city=["", "x"] * 10,
        when=range(START, START + 2000, 100),
    )
    current = saved_alerter(tmp_path)
    with pytest.warns(AlertingWarning, match="cannot be reached"):
        alerts = current.observe(part(stream, 6, 20))
    assert [(alert.rule, alert.id, alert.n_rows, alert.first, alert.last) for alert in alerts] == [
        ("share", "badd3cf448d96f735a84b078e3942285", 8, 2, 17),
        ("drift", "83291e6c8f487c8f772087bcf45c7287", 12, 2, 13),
    ]
    with pytest.warns(AlertingWarning, match="5 alerts were not delivered"):
        summary = current.close()
    assert (summary.n_alerts, summary.n_spooled) == (3, {"hook": 5})


def test_a_state_reads_back(tmp_path):
    """What a run saved is what the next one has."""
    before = saved_alerter(tmp_path)
    before.checkpoint()
    saved = json.loads((tmp_path / "state.json").read_text())
    assert saved == json.loads(json.dumps(before.get_state()))
    assert load(tmp_path / "state.json") == saved
    assert _without_new(saved["rules"]) == json.loads((SAVED / "state.json").read_text())["rules"]
    assert saved["rules"].keys() == {"row", "run", "share", "drift", "empty", "silent"}


def _without_new(values):
    """The values without what that version did not save: severities of rows, and shares of reasons."""

    def old(fields):
        new = {"severity"} if "score" in fields else {"share", "unseen"} if "nats" in fields else set()
        return {name: fields[name] for name in fields if name not in new}

    return json.loads(json.dumps(values), object_hook=old)
