"""Two runs that would keep one state, or one spool, do not run at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from anomaly_vae_pipelines.alerting.locking import Lock
from anomaly_vae_pipelines.errors import SinkError
from tests.anomaly_vae_pipelines.alerting.streams import alerter, scored
from tests.anomaly_vae_pipelines.conftest import process_environment

RULES = '[[rule]]\nname = "odd"\nkind = "score"\n'


def test_a_second_run_with_the_same_state_is_refused_before_it_touches_anything(tmp_path):
    """In one line, with the ways out; the first goes on, and after it another may come."""
    first = alerter(tmp_path, RULES)
    first.observe(scored([True]))
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    files.pop(tmp_path / "rules.toml")
    with pytest.raises(SinkError, match=r"state.json: another run is using it.*--alert-state") as caught:
        alerter(tmp_path, RULES)
    assert "\n" not in str(caught.value)
    assert files.items() <= {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}.items()
    assert first.close().n_alerts == 1
    alerter(tmp_path, RULES).close()
    assert not list(tmp_path.glob("*.lock"))


def test_two_states_may_not_share_a_spool(tmp_path):
    """A spool that the rules name is locked too."""
    rules = f'spool = "{tmp_path / "spool"}"\n' + RULES
    first = alerter(tmp_path, rules, state="one.json")
    with pytest.raises(SinkError, match="spool: another run is using it"):
        alerter(tmp_path, rules, state="two.json")
    first.close()
    alerter(tmp_path, rules, state="two.json").close()


def test_the_lock_of_a_run_that_was_killed_is_free(tmp_path):
    """Its file is left behind and holds nobody up."""
    code = (
        "import sys, os, signal; from pathlib import Path; "
        "from anomaly_vae_pipelines.alerting.locking import Lock; "
        "lock = Lock(Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    place = tmp_path / "state"
    killed = subprocess.run([sys.executable, "-c", code, str(place)], env=process_environment(), check=False)
    assert killed.returncode == -9
    assert (tmp_path / "state.lock").exists()
    lock = Lock(place)
    with pytest.raises(SinkError):
        Lock(place)
    lock.release()
    Lock(place).release()


def test_a_file_of_rules_that_is_wrong_leaves_no_lock(tmp_path):
    """Nor does a state that cannot be read."""
    (tmp_path / "state.json").write_text("{")
    for _ in range(2):
        with pytest.raises(Exception, match="state.json: is not a valid alert state"):
            alerter(tmp_path, RULES)
    assert not list(tmp_path.glob("*.lock"))
