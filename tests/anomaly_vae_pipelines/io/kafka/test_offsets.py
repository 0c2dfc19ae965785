"""Which offsets may be committed, whatever happens in which order."""

from __future__ import annotations

import random

import pytest

from anomaly_vae_pipelines.io.kafka.offsets import Message, Offsets

PARTITIONS = range(3)


class Topic:
    """A topic without an end, its consumer, and all other consumers of its group."""

    def __init__(self) -> None:
        self.offsets, self.owned = Offsets(), set()
        self.committed = dict.fromkeys(PARTITIONS, 0)
        self.written: set[tuple[int, int]] = set()
        self.position: dict[int, int] = {}

    def assign(self, partition: int) -> None:
        if partition not in self.owned:
            self.owned.add(partition)
            self.position[partition] = self.committed[partition]
            self.offsets.assign([partition])

    def revoke(self, partition: int) -> None:
        if partition in self.owned:
            self.owned.remove(partition)
            self.offsets.revoke([partition])

    def late(self, partition: int) -> None:
        """A message that was fetched before its partition was revoked."""
        if partition not in self.owned:
            self.offsets.take(Message(partition, self.position.get(partition, 0) + 9, None, b"{}"))

    def fetch(self, partition: int, n_messages: int) -> None:
        for _ in range(n_messages if partition in self.owned else 0):
            self.offsets.take(Message(partition, self.position[partition], None, b"{}"))
            self.position[partition] += 1

    def others(self, partition: int, n_messages: int) -> None:
        """Another consumer has the partition, and commits what it has written."""
        if partition not in self.owned:
            start = self.committed[partition]
            self.written |= {(partition, start + i) for i in range(n_messages)}
            self.committed[partition] = start + n_messages

    def write(self) -> None:
        self.written |= {(message.partition, message.offset) for message in self.offsets.waiting}
        self.offsets.write()

    def commit(self, accepted: set[int]) -> None:
        """The brokers accept the offsets of some partitions."""
        done = {number: end for number, end in self.offsets.pending.items() if number in accepted}
        assert all(end > self.committed[number] for number, end in done.items()), "went back"
        self.committed |= done
        self.offsets.commit(done)


def event(topic: Topic, draw: random.Random) -> None:
    """Anything that can happen next."""
    partition, n_messages = draw.choice(PARTITIONS), draw.randint(1, 4)
    draw.choice(
        [
            lambda: topic.assign(partition),
            lambda: topic.revoke(partition),
            lambda: topic.late(partition),
            lambda: topic.fetch(partition, n_messages),
            lambda: topic.others(partition, n_messages),
            topic.write,
            lambda: topic.commit(set(draw.sample(PARTITIONS, draw.randint(0, 3)))),
        ]
    )()


@pytest.mark.parametrize("seed", range(5))
def test_no_offset_is_committed_before_the_rows_before_it_are_written(seed):
    """Nor that of a partition that others may have; and what is written can be committed."""
    topic, draw = Topic(), random.Random(seed)
    for _ in range(300):
        event(topic, draw)
        assert topic.offsets.pending.keys() <= topic.owned
        assert {message.partition for message in topic.offsets.waiting} <= topic.owned
        for partition, end in {**topic.committed, **topic.offsets.pending}.items():
            assert {(partition, offset) for offset in range(end)} <= topic.written
    topic.write()
    topic.commit(set(PARTITIONS))
    assert not topic.offsets.pending
    assert all(topic.committed[number] == topic.position[number] for number in topic.owned)
    assert all(topic.committed.values())


def test_the_end_is_that_of_all_partitions_of_the_consumer():
    """It is not known before partitions are assigned, and passes when messages come."""
    offsets = Offsets()
    assert not offsets.is_at_end
    offsets.assign([0, 1])
    offsets.end(0)
    assert not offsets.is_at_end
    offsets.end(1)
    assert offsets.is_at_end
    offsets.take(Message(1, 7, None, b"{}"))
    assert not offsets.is_at_end
    offsets.revoke([1])
    assert offsets.is_at_end
    offsets.assign([0])
    assert not offsets.is_at_end


def test_a_consumer_without_partitions_is_at_the_end():
    """As are those of a group that has more members than the topic has partitions."""
    offsets = Offsets()
    offsets.assign([])
    assert offsets.is_at_end
