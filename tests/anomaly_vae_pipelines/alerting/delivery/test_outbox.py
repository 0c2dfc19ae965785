"""Each alert arrives at least once, in order, whatever its receiver does; nothing is lost quietly."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anomaly_vae_pipelines.alerting import Alert
from anomaly_vae_pipelines.alerting.delivery.post import post
from anomaly_vae_pipelines.alerting.times import Clock
from anomaly_vae_pipelines.errors import AlertingWarning, DeliveryError
from tests.anomaly_vae_pipelines.alerting.receiver import receiving
from tests.anomaly_vae_pipelines.alerting.streams import START, FakeClock, alerter, delivered, scored
from tests.anomaly_vae_pipelines.conftest import PYTHON_PATH

RULES = 'patience = "{}"\ncooldown = "0s"\n[[rule]]\nname = "odd"\nkind = "score"\n'
SINK = '\n[[sink]]\nname = "hook"\nkind = "webhook"\nurl = "{}"\ntimeout = "0.3s"\n'


def hooked(folder, url, *, patience="30s", **options):
    return alerter(folder, RULES.format(patience), sinks=SINK.format(url), **options)


def lines(receiver):
    return [json.loads(body)["first"] for body in receiver.bodies]


def waiting(folder):
    return sorted((folder / "state.json.spool" / "hook").glob("*.json"))


def test_a_receiver_that_fails_and_comes_back_gets_all_in_order(tmp_path):
    """5xx and 429 are tried again, after waits that double, while rows go on."""
    fake = FakeClock()
    with receiving() as receiver:
        receiver.answers = [500, 429, 503, 502, 200, 500]
        current = hooked(tmp_path, receiver.url, clock=fake.clock)
        with pytest.warns(AlertingWarning, match="sink 'hook': answered 500; alerts wait in"):
            current.observe(scored([True] * 3))
        current.observe(scored([True] * 2, start=5))
        assert not receiver.bodies
        with pytest.warns(AlertingWarning, match="answered 500"):
            summary = current.close()
    assert lines(receiver) == [2, 3, 4, 5, 6]
    assert (summary.n_delivered, summary.n_spooled) == ({"hook": 5}, {"hook": 0})
    for i, slept in enumerate(fake.slept[:4]):
        assert 0.5 * 2**i <= slept <= 2**i
    assert not waiting(tmp_path)


def test_a_receiver_that_hangs_holds_nobody_up(tmp_path):
    """A byte now and then does not count as an answer; the alert is sent again."""
    with receiving() as receiver:
        receiver.answers = ["hang"]
        current = hooked(tmp_path, receiver.url)
        began = time.monotonic()
        with pytest.warns(AlertingWarning, match=r"no answer within 0.3 s"):
            current.observe(scored([True]))
        assert time.monotonic() - began < 1.5
        assert current.close().n_delivered == {"hook": 1}
        assert lines(receiver) == [2]


def test_what_waits_is_sent_by_the_next_run_before_anything_newer(tmp_path):
    """A receiver that is down at the end of a run gets everything later, oldest first."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        down = hooked(tmp_path, f"http://127.0.0.1:{port}", patience="0s")
        with pytest.warns(AlertingWarning, match=r"cannot be reached \(ConnectionRefusedError\)"):
            raised = down.observe(scored([True] * 2))
        with pytest.warns(AlertingWarning, match="2 alerts were not delivered; they wait in"):
            assert down.close().n_spooled == {"hook": 2}
    assert [Alert.from_json(path.read_text()) for path in waiting(tmp_path)] == raised
    with receiving(port) as receiver:
        up = hooked(tmp_path, receiver.url)
        up.observe(scored([True], start=9))
        assert up.close().n_delivered == {"hook": 3}
        assert lines(receiver) == [2, 3, 9]


def test_an_alert_that_is_raised_again_waits_once(tmp_path):
    """A run that was killed before its state was saved raises what is in the spool already."""
    for _ in range(2):
        down = hooked(tmp_path, "http://127.0.0.1:1", patience="0s")
        with pytest.warns(AlertingWarning, match="cannot be reached"):
            down.observe(scored([True] * 2))
        down.release()  # as the death of its process does
    assert len(waiting(tmp_path)) == 2


def test_the_end_of_a_run_waits_no_longer_than_its_patience(tmp_path):
    """A sink that stays down leaves the alert in the spool, with a word."""
    fake = FakeClock()
    with receiving() as receiver:
        receiver.answers = [500] * 100
        current = hooked(tmp_path, receiver.url, patience="20s", clock=fake.clock)
        with pytest.warns(AlertingWarning, match="answered 500"):
            current.observe(scored([True]))
        with pytest.warns(AlertingWarning, match="1 alert was not delivered"):
            assert current.close().n_spooled == {"hook": 1}
    assert fake.time - START <= 20
    assert 4 <= 100 - len(receiver.answers) <= 7


def test_the_end_of_a_run_sends_what_is_due_once_and_ends(tmp_path):
    """Without any patience too: it neither leaves out the last alerts nor waits for ever."""
    fake = FakeClock()

    def sleep(seconds):
        assert seconds > 0, "waits without an end"
        fake.sleep(seconds)

    rules = RULES.format("0s") + '[[rule]]\nname = "all"\nkind = "share"\nshare = 0.01\nleast = 1\n'
    clock = Clock(fake.now, fake.now, sleep)
    with receiving() as receiver:
        current = alerter(tmp_path, rules, sinks=SINK.format(receiver.url), clock=clock)
        current.observe(scored([True]))
        assert current.close().n_delivered == {"hook": 2}
    with receiving() as receiver:
        receiver.answers = [500] * 9
        current = alerter(tmp_path, rules, sinks=SINK.format(receiver.url), clock=clock, state="other.json")
        with pytest.warns(AlertingWarning, match="answered 500"):
            current.observe(scored([True], start=9))
        with pytest.warns(AlertingWarning, match="2 alerts were not delivered"):
            assert current.close().n_spooled == {"hook": 2}


def test_a_receiver_that_asks_for_time_gets_it(tmp_path):
    """Retry-After is honoured, in seconds or as a date."""
    fake = FakeClock()
    with receiving() as receiver:
        receiver.answers, receiver.reply = [429], {"Retry-After": "7"}
        current = hooked(tmp_path, receiver.url, clock=fake.clock)
        with pytest.warns(AlertingWarning):
            current.observe(scored([True]))
        current.close()
        assert fake.slept == [7.0]
        receiver.reply = {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}
        for answer, wait in ((503, 3600.0), (400, 0.0)):
            receiver.answers = [answer]
            with pytest.raises(DeliveryError) as caught:
                post(receiver.url, b"", {}, 5.0)
            assert (caught.value.wait, caught.value.final) == (wait, answer == 400)


@pytest.mark.parametrize("status", [400, 401, 404, 413])
def test_what_is_refused_for_good_is_put_aside_and_told(tmp_path, status):
    """It holds up nothing behind it, and moved back it is sent again."""
    with receiving() as receiver:
        receiver.answers = [status]
        current = hooked(tmp_path, receiver.url)
        with pytest.warns(AlertingWarning, match=f"refused by sink 'hook': it answered {status}; it is in"):
            refused, _ = current.observe(scored([True] * 2))
        summary = current.close()
        assert (summary.n_refused, summary.n_delivered, lines(receiver)) == ({"hook": 1}, {"hook": 1}, [3])
        (aside,) = (tmp_path / "state.json.spool" / "hook" / "refused").iterdir()
        aside.rename(aside.parent.parent / aside.name)
        assert hooked(tmp_path, receiver.url).close().n_delivered == {"hook": 1}
        assert json.loads(receiver.bodies[-1])["id"] == refused.id


def test_a_sink_that_fails_holds_up_no_other(tmp_path):
    """Each has its own spool and its own waits; severity says who gets what."""
    with receiving() as good, receiving() as bad:
        bad.answers = [500] * 9
        sinks = SINK.format(bad.url) + SINK.format(good.url).replace('"hook"', '"good"')
        sinks += SINK.format(good.url).replace('"hook"', '"grave"') + 'severity = "critical"\n'
        current = alerter(tmp_path, RULES.format("0s"), sinks=sinks)
        with pytest.warns(AlertingWarning, match="sink 'hook': answered 500"):
            current.observe(scored([True] * 2))
        with pytest.warns(AlertingWarning, match="sink 'hook': 2 alerts were not delivered"):
            summary = current.close()
    assert summary.n_delivered == {"hook": 0, "good": 2, "grave": 0}
    assert summary.n_spooled == {"hook": 2, "good": 0, "grave": 0}


def test_alerts_for_a_sink_that_is_gone_are_told_of(tmp_path):
    """A name that changed must not bury what waited."""
    spool = tmp_path / "state.json.spool" / "old"
    spool.mkdir(parents=True)
    (spool / "000000000001-abc.json").write_text("{}")
    with pytest.warns(AlertingWarning, match="old: alerts wait here for a sink that the rules do not name"):
        hooked(tmp_path, "http://127.0.0.1:1")


def test_a_full_disk_under_a_sink_loses_nothing(tmp_path):
    """A file that can't be written is a sink that fails."""
    if not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    sink = '\n[[sink]]\nkind = "jsonl"\npath = "/dev/full"\n'
    current = alerter(tmp_path, RULES.format("0s"), sinks=sink)
    with pytest.warns(AlertingWarning, match="No space left"):
        current.observe(scored([True]))
    with pytest.warns(AlertingWarning, match="1 alert was not delivered"):
        assert current.close().n_spooled == {"jsonl": 1}


KILLED = """
import sys, time
from pathlib import Path
from anomaly_vae_pipelines.alerting import load_alerter
from tests.anomaly_vae_pipelines.conftest import PYTHON_PATH
from tests.anomaly_vae_pipelines.alerting.streams import scored
alerter = load_alerter(sys.argv[1], state=Path(sys.argv[2]))
for start in range(2, 1000, 2):
    alerts = alerter.observe(scored([False, True], start=start))
    sys.stdout.write(f"{alerts[0].id}\\n")
    sys.stdout.flush()
"""


def test_a_run_that_is_killed_loses_no_alert(tmp_path):
    """What ``observe`` returned is on disk, and the next run sends it."""
    with receiving() as receiver:
        receiver.answers = [500] * 10_000
        hooked(tmp_path, receiver.url)
        environment = os.environ | {
            "PYTHONPATH": PYTHON_PATH,
            "OMP_NUM_THREADS": "1",
            "PYTHONWARNINGS": "ignore",
        }
        command = [sys.executable, "-c", KILLED, str(tmp_path / "rules.toml"), str(tmp_path / "state.json")]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            seen = [process.stdout.readline().strip() for _ in range(20)]
            process.send_signal(signal.SIGKILL)
            seen += process.stdout.read().split()
        receiver.answers = []
        hooked(tmp_path, receiver.url).close()
        arrived = [json.loads(body)["id"] for body in receiver.bodies]
    # The kill may have come after an alert was on disk and before its id was printed.
    assert arrived[: len(seen)] == seen
    assert len(arrived) - len(seen) <= 1


def test_alerts_of_a_file_are_not_torn_by_a_crash(tmp_path):
    """A line that was cut off stays on a line of its own."""
    (tmp_path / "alerts.jsonl").write_text('{"cut": ')
    current = alerter(tmp_path, RULES.format("1s"))
    current.observe(scored([True] * 2))
    text = (tmp_path / "alerts.jsonl").read_text()
    assert text.startswith('{"cut": \n{"id"')
    (tmp_path / "alerts.jsonl").write_text(text.partition("\n")[2])
    assert [alert.first for alert in delivered(tmp_path)] == [2, 3]
