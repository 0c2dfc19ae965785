"""Watches of topics with the client of Kafka and the cluster that it brings; `make test-scale` installs it.

The environment variable KAFKA_TEST_BROKERS names brokers of a real cluster to use instead.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.anomaly_vae_pipelines.cli.conftest import RULES
from tests.anomaly_vae_pipelines.conftest import (
    COLUMNS,
    Run,
    command_line,
    orders,
    process_environment,
)

pytestmark = pytest.mark.slow

SETTINGS = "session.timeout.ms=6000\nheartbeat.interval.ms=500\n"
"""A consumer that is killed loses its partitions after 6 s."""


class Cluster:
    """A cluster of one broker, which lives as long as this producer, or a real one."""

    def __init__(self, kafka: Any) -> None:
        self._kafka, self._brokers = kafka, os.environ.get("KAFKA_TEST_BROKERS", "")
        own = {} if self._brokers else {"test.mock.num.brokers": 1}
        self._producer = kafka.Producer(
            {"bootstrap.servers": self._brokers or "none:1", "log_level": 0, **own}
        )
        if not self._brokers:
            found = self._producer.list_topics(timeout=10).brokers.values()
            self._brokers = ",".join(f"{broker.host}:{broker.port}" for broker in found)
        self._n_topics = 0

    def topic(self) -> str:
        """The URL of a topic of its own; the first message creates it, with four partitions."""
        self._n_topics += 1
        name = f"orders-{os.getpid()}-{self._n_topics}"
        if "KAFKA_TEST_BROKERS" in os.environ:
            from confluent_kafka.admin import AdminClient, NewTopic

            admin = AdminClient({"bootstrap.servers": self._brokers})
            admin.create_topics([NewTopic(name, num_partitions=4)])[name].result(10)
        return f"kafka://{self._brokers}/{name}"

    def send(self, url: str, rows: list[list[str]]) -> None:
        """Send rows with the code as the key."""
        for row in rows:
            value = dict(zip(COLUMNS, row, strict=True))
            self.send_bytes(url, json.dumps(value).encode(), key=row[0].encode())
        assert not self._producer.flush(20)

    def send_bytes(self, url: str, value: bytes | None, key: bytes) -> None:
        self._producer.produce(url.rpartition("/")[2], value, key=key)


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster(pytest.importorskip("confluent_kafka", reason="pip install 'anomaly-vae[kafka]'"))


class Watch:
    """The command line in a process of its own, with its alerts."""

    def __init__(self, folder: Path, model: str, url: str, *more: str, group: str = "g") -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        (folder / "rules.toml").write_text(RULES.format(path="alerts.jsonl").replace('"code"', '"key"'))
        (folder / "client.properties").write_text(SETTINGS)
        arguments = ["--alerts", "rules.toml", "--group", group, "--kafka-config", "client.properties"]
        options = ["--key-column", "key", "--interval", "0.2", "--rejected", "rejected.csv", *more]
        command, environment = command_line("watch", model, url, *arguments, *options), process_environment()
        with (folder / "err").open("w") as err:
            self._process = subprocess.Popen(command, cwd=folder, env=environment, stderr=err)

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text()

    @property
    def n_rows(self) -> int:
        """Rows that were read, by what is printed after each batch."""
        found = re.findall(r"^([\d,]+) new rows?$", self.err, re.MULTILINE)
        return sum(int(number.replace(",", "")) for number in found)

    @property
    def alerts(self) -> list[str]:
        """The keys of the alerts; one that was raised again counts once, as it has the same id."""
        path = self.folder / "alerts.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        by_id = {alert["id"]: alert["key"]["key"] for alert in map(json.loads, lines)}
        return list(by_id.values())

    def end(self, code: int | None = None) -> int:
        """Send a signal, or wait for the end; returns the exit code."""
        if code is not None:
            self._process.send_signal(code)
        return self._process.wait(90)


@pytest.fixture
def watch(model: str, tmp_path: Path) -> Iterator[Callable[..., Watch]]:
    """Start a watch in a folder; those that still run at the end are killed."""
    started: list[Watch] = []

    def start(url: str, *more: str, folder: str = "a", **options: str) -> Watch:
        started.append(Watch(tmp_path / folder, model, url, *more, **options))
        return started[-1]

    yield start
    for one in started:
        one.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def wanted(model: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[list[str]]], set[str]]:
    """The codes of the rows that raise an alert in a file of JSON Lines."""
    from click.testing import CliRunner

    from anomaly_vae_pipelines.cli.main import cli

    def codes(rows: list[list[str]]) -> set[str]:
        folder = tmp_path_factory.mktemp("file")
        (folder / "rules.toml").write_text(RULES.format(path=folder / "alerts.jsonl"))
        lines = (json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in rows)
        (folder / "app.jsonl").write_text("".join(lines))
        arguments = ["--alerts", str(folder / "rules.toml"), "--once", "--interval", "0.01"]
        assert CliRunner().invoke(cli, ["watch", model, str(folder / "app.jsonl"), *arguments]).exit_code == 0
        alerts = (folder / "alerts.jsonl").read_text().splitlines()
        return {json.loads(line)["key"]["code"] for line in alerts}

    return codes


def numbered(n_rows: int, seed: int) -> list[list[str]]:
    return [[f"{i:05d}", *row[1:]] for i, row in enumerate(orders(n_rows, seed=seed))]


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def test_rows_in_are_rows_scored_and_rejected(cluster, watch, wanted):
    """The alerts are those of a file, by key; a message that is not a row has its place; none comes twice."""
    url, rows = cluster.topic(), numbered(200, seed=1)
    cluster.send(url, rows)
    for value in (None, b"nope", b"{}"):
        cluster.send_bytes(url, value, key=b"bad")
    cluster.send(url, [])
    first = watch(url, "--once")
    assert first.end() == 0, first.err
    assert first.err.splitlines()[-1].startswith("203 rows, ")
    assert sorted(first.alerts) == sorted(wanted(rows))
    topic = url.rpartition("/")[2]
    rejected = (first.folder / "rejected.csv").read_text().splitlines()[1:]
    assert len(rejected) == 3
    assert all(line.startswith(f'"{topic}[') for line in rejected)
    assert "rejected, the first at offset " in first.err
    again = watch(url, "--once")
    assert again.end() == 0
    assert again.err.splitlines()[-1] == "0 rows, 0 anomalous"


@pytest.mark.parametrize("seed", range(2))
def test_a_watch_that_is_killed_loses_no_row(cluster, watch, wanted, seed):
    """The next one begins with the first that was not committed; an alert that comes again has its old id."""
    url, rows = cluster.topic(), numbered(900, seed=seed)
    cluster.send(url, rows[:300])
    killed = watch(url)
    wait_for(lambda: killed.n_rows)
    cluster.send(url, rows[300:600])
    time.sleep(0.15 * seed)
    killed.end(signal.SIGKILL)
    cluster.send(url, rows[600:])
    ended = watch(url, "--once")
    assert ended.end() == 0, ended.err
    assert sorted(ended.alerts) == sorted(wanted(rows))


def test_consumers_of_a_group_share_partitions_and_lose_no_row(cluster, watch, wanted):
    """While one joins, and after another has left, messages come all the time."""
    url, rows = cluster.topic(), numbered(1_500, seed=7)
    parts = iter([rows[start : start + 15] for start in range(0, 1_500, 15)])

    def send() -> None:
        cluster.send(url, next(parts, []))

    send()
    first = watch(url, folder="first")
    wait_for(lambda: first.n_rows)
    second = watch(url, folder="second")
    wait_for(lambda: send() or second.n_rows)
    assert first.end(signal.SIGTERM) == 143
    for part in parts:
        cluster.send(url, part)
    assert second.end(signal.SIGTERM) == 143
    third = watch(url, "--once", folder="second")
    assert third.end() == 0, third.err
    assert set(first.alerts) | set(second.alerts) == wanted(rows)
    assert first.alerts
    assert second.alerts


def test_brokers_that_go_away_are_reported_once(watch):
    """The watch goes on, and Ctrl-C ends it."""
    kafka = pytest.importorskip("confluent_kafka", reason="pip install 'anomaly-vae[kafka]'")
    if "KAFKA_TEST_BROKERS" in os.environ:
        pytest.skip("a real cluster is not stopped")
    cluster = Cluster(kafka)
    url = cluster.topic()
    cluster.send(url, numbered(20, seed=1))
    running = watch(url)
    wait_for(lambda: running.n_rows == 20)
    del cluster
    wait_for(lambda: "it is tried again" in running.err)
    time.sleep(2)
    assert running.err.count(url) == 1
    assert running.end(signal.SIGINT) == 130


def test_a_topic_that_is_not_there(cluster, run: Run, model, tmp_path):
    """One line, before anything is read."""
    assert "Unknown topic or partition; create the topic, or check its name" in refused(
        run, model, tmp_path, cluster.topic() + "x"
    )


def test_brokers_that_do_not_answer(run: Run, model, tmp_path, monkeypatch):
    pytest.importorskip("confluent_kafka", reason="pip install 'anomaly-vae[kafka]'")
    monkeypatch.setattr("anomaly_vae_pipelines.io.kafka.consumer.CONNECT_SECONDS", 0.1)
    assert "no broker answers; check 127.0.0.1:1" in refused(
        run, model, tmp_path, "kafka://127.0.0.1:1/orders"
    )


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("sasl.pasword=s3cret", 'No such configuration property: "sasl.pasword"; see --kafka-config'),
        (
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanisms=PLAIN\nsasl.username=me\nsasl.password=s3cret",
            "check security.protocol, sasl.* and ssl.* in the file of --kafka-config",
        ),
    ],
)
def test_settings_that_are_wrong(cluster, run: Run, model, tmp_path, settings, problem):
    """The line does not show the password."""
    (tmp_path / "client.properties").write_text(settings)
    url, options = cluster.topic(), ["--kafka-config", str(tmp_path / "client.properties")]
    err = refused(run, model, tmp_path, url, *options)
    assert problem in err
    assert "s3cret" not in err


def refused(run: Run, model: str, folder: Path, url: str, *options: str) -> str:
    """What a watch prints that cannot begin: one line."""
    (folder / "rules.toml").write_text(RULES.format(path=folder / "alerts.jsonl"))
    checkpoint = ["--checkpoint", str(folder / "checkpoint")]
    ended = run(
        "watch", model, url, "--alerts", str(folder / "rules.toml"), "--group", "g", *checkpoint, *options
    )
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1), ended
    return ended.err
