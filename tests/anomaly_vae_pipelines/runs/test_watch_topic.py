"""Watchers of topics, with a topic in memory; the client of Kafka is tested among the engines."""

from __future__ import annotations

import json
from itertools import count

import pytest

from anomaly_vae import load
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.io.kafka.address import TopicAddress
from anomaly_vae_pipelines.io.kafka.offsets import Message, Offsets
from anomaly_vae_pipelines.runs.observing import Observing
from anomaly_vae_pipelines.runs.watch_topic import TopicWatcher, default_checkpoint
from anomaly_vae_pipelines.scoring.adapters import adapter_of
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders
from tests.anomaly_vae_pipelines.runs.test_score import Watching


class Killed(BaseException):
    """The end of a process."""


class Group:
    """One partition of a topic, and what is committed; ``kill_at`` ends the consumer at a step."""

    address = TopicAddress("orders")

    def __init__(self, values: list[bytes | None], batch: int) -> None:
        self.values, self.batch, self.committed = values, batch, 0
        self.steps, self.kill_at, self.is_closed = count(), -1, False
        self.join()

    def join(self) -> None:
        self.offsets, self.position = Offsets(), self.committed
        self.offsets.assign([0])

    def close(self) -> None:
        self.is_closed = True

    def step(self) -> None:
        if next(self.steps) == self.kill_at:
            raise Killed

    @property
    def is_at_end(self) -> bool:
        return self.position == len(self.values)

    def read(self, seconds: float) -> list[Message]:
        self.step()
        for value in self.values[self.position : self.position + self.batch]:
            self.offsets.take(Message(0, self.position, b"key", value))
            self.position += 1
        return self.offsets.waiting

    def commit(self) -> None:
        self.step()
        self.offsets.write()
        self.committed = self.offsets.pending[0]
        self.step()


class Recorded(Watching):
    """An observer that learns what is on disk, and may be killed before that."""

    def __init__(self, group: Group, on_disk: list[str]) -> None:
        super().__init__()
        self.group, self.on_disk = group, on_disk

    def observe(self, scored) -> None:
        self.group.step()
        super().observe(scored)
        self.on_disk += scored.rows.cells("code")
        self.group.step()


@pytest.fixture(scope="module")
def adapter(model):
    return adapter_of(load(model))


@pytest.fixture
def start(adapter, tmp_path):
    def make(group: Group, on_disk: list[str]) -> TopicWatcher:
        make.rejected, make.troubles = [], []
        observing = Observing(
            adapter.scorer(),
            Recorded(group, on_disk),
            tmp_path / "checkpoint",
            on_rejected=make.rejected.extend,
            on_trouble=make.troubles.append,
        )
        return TopicWatcher(observing, group, adapter.messages())

    return make


def values_of(n_rows: int) -> list[bytes | None]:
    """Messages of orders; numbers are numbers."""
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in orders(n_rows)]
    return [json.dumps({**row, "count": int(row["count"])}).encode() for row in rows]


def read_to_end(watcher: TopicWatcher) -> None:
    while watcher.is_waiting:
        watcher.poll()


def test_no_row_is_lost_wherever_the_process_is_killed(start):
    """At every step of the first three batches; rows of one batch at most come twice."""
    codes = [row[0] for row in orders(20)]
    for kill_at in range(15):
        group, on_disk = Group(values_of(20), batch=6), []
        group.kill_at = kill_at
        with pytest.raises(Killed):
            read_to_end(start(group, on_disk))
        assert set(codes[: group.committed]) <= set(on_disk)
        group.join()
        read_to_end(start(group, on_disk))
        assert set(on_disk) == set(codes)
        assert len(on_disk) - len(codes) in (0, 6)
        assert group.committed == 20


def test_rows_in_are_rows_scored_and_rejected(start):
    """A rejected message is counted, has its place, and is committed too."""
    values = values_of(8)
    values[3:3] = [None, b"nope"]
    group, on_disk = Group(values, batch=4), []
    watcher = start(group, on_disk)
    read_to_end(watcher)
    counts = watcher.observing.counts
    assert (counts.n_rows, counts.n_scored, counts.n_rejected) == (10, 8, 2)
    assert [(row.source, row.number) for row in start.rejected] == [("orders[0]", 3), ("orders[0]", 4)]
    assert group.committed == 10
    assert not start.troubles


def test_a_batch_without_a_valid_row_is_passed(start):
    """The next one is read."""
    group, on_disk = Group([b"nope"] * 4 + values_of(2), batch=4), []
    watcher = start(group, on_disk)
    read_to_end(watcher)
    assert len(on_disk) == 2
    assert "none of the first 4 messages has amount, code, color, count, day and 1 more" in start.troubles[0]


def test_the_state_of_rules_is_kept(start, tmp_path):
    """The next run continues with it; a checkpoint of something else is refused."""
    group, on_disk = Group(values_of(3), batch=3), []
    read_to_end(start(group, on_disk))
    assert start(group, []).observing.observer.seen == on_disk
    for other in ('{"files": {}, "observer": {"seen": []}}', '{"topic": "x", "observer": {"seen": []}}'):
        (tmp_path / "checkpoint").write_text(other)
        with pytest.raises(SourceError, match="is not a valid checkpoint"):
            start(group, [])
        assert group.is_closed


def test_the_checkpoint_is_named_after_the_topic():
    assert str(default_checkpoint(TopicAddress("orders.eu", ("broker:1",)))) == ".orders.eu.watch"
