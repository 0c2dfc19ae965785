"""Offsets: which messages are ours, and up to where their offsets may be committed. It knows no client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Message(NamedTuple):
    """A message of a topic: its place, and its bytes; a key or a value may be absent."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class Offsets:
    """The partitions that a consumer has, the messages that wait, and the offsets that may be committed.

    The committed offset of a partition is where its next consumer begins. So it is never after a message
    whose results are not written, and never that of a partition that another consumer may have.
    """

    def __init__(self) -> None:
        self._owned: set[int] | None = None
        self._ended: set[int] = set()
        self._waiting: list[Message] = []
        self._pending: dict[int, int] = {}

    def assign(self, partitions: Iterable[int]) -> None:
        """Add partitions; each is read from its committed offset on."""
        given = set(partitions)
        self._owned = (self._owned or set()) | given
        self._ended -= given

    def revoke(self, partitions: Iterable[int]) -> None:
        """Remove partitions, with their messages that wait: their next consumer reads those again."""
        taken = set(partitions)
        self._owned = (self._owned or set()) - taken
        self._ended -= taken
        self._waiting = [message for message in self._waiting if message.partition not in taken]
        self._pending = {number: end for number, end in self._pending.items() if number not in taken}

    def take(self, message: Message) -> None:
        """Add a message to those that wait, unless its partition is no longer ours."""
        if message.partition in (self._owned or ()):
            self._waiting.append(message)
            self._ended.discard(message.partition)

    def end(self, partition: int) -> None:
        """Note that a partition has no message after those that were taken."""
        self._ended.add(partition)

    @property
    def waiting(self) -> list[Message]:
        """The messages whose results are not written; those of a partition in order."""
        return list(self._waiting)

    def write(self) -> None:
        """Note that the results of all messages that wait are written."""
        self._pending |= {message.partition: message.offset + 1 for message in self._waiting}
        self._waiting = []

    @property
    def pending(self) -> dict[int, int]:
        """By partition, the offset to commit: that of the next message to read."""
        return dict(self._pending)

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Note that these offsets are committed."""
        self._pending = {
            number: end for number, end in self._pending.items() if offsets.get(number, -1) < end
        }

    @property
    def is_at_end(self) -> bool:
        """Whether all messages of our partitions have been taken; False until some have been assigned."""
        return self._owned is not None and self._ended >= self._owned
