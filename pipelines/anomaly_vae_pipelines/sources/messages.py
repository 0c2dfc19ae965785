"""MessageSource: a batch of messages of a topic as a source, each message one JSON object and one row."""

from __future__ import annotations

import io
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress, pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from anomaly_vae_pipelines.dialects.reading import TYPED, Reading
from anomaly_vae_pipelines.io.kafka.offsets import Message
from anomaly_vae_pipelines.plurals import listed
from anomaly_vae_pipelines.records import Rejected, Rows
from anomaly_vae_pipelines.sources.blocks import Block, Read
from anomaly_vae_pipelines.sources.jsonl import Found, JsonLinesSource, found_object
from anomaly_vae_pipelines.sources.splitting import Offsets, RecordBounds
from anomaly_vae_pipelines.sources.stream import ByteStream
from anomaly_vae_pipelines.sources.text import TextSource

_FRAMED = "begins with a zero byte, as messages of a schema registry do; wanted JSON without a schema id"
_MOST_NAMED = 5


@dataclass(frozen=True)
class MessageRows(Rows):
    """Messages as rows: ``numbers`` are offsets.

    Attributes
    ----------
    sources : tuple of str
        The partition of each message.
    """

    sources: tuple[str, ...] = field(kw_only=True)

    def source_of(self, position: int) -> str:
        """Return the partition of a message, such as ``orders[3]``."""
        return self.sources[position]

    def take(self, kept: NDArray[np.bool_]) -> Self:
        """Return the messages where ``kept`` is true."""
        return replace(super().take(kept), sources=tuple(compress(self.sources, kept.tolist())))


class MessageSource(JsonLinesSource):
    """A batch of messages, all in one block; a message is read as a line of JSON Lines is.

    What is a row depends on the message alone: a field that it lacks is a missing cell, whatever other
    messages have. A message without any column of the model is rejected.

    Parameters
    ----------
    topic : str
    messages : sequence of Message
    names : sequence of str
        Columns of the model.
    others : sequence of str
        Further columns to read.
    key_column : str, optional
        A column for the key of the message as text, which replaces a field of that name.
    reading : Reading, optional
        How text is read.

    Attributes
    ----------
    absent : set of str
        Columns that no message has, once the block has been read.
    """

    unit = "message"

    def __init__(
        self,
        topic: str,
        messages: Sequence[Message],
        *,
        names: Sequence[str],
        others: Sequence[str] = (),
        key_column: str | None = None,
        reading: Reading | None = None,
    ) -> None:
        self._topic, self._messages, self._key_column = topic, messages, key_column
        self._fields = [name for name in names if name != key_column]
        self._keys = {name: name for name in (*names, *others)}
        self.absent = set(self._keys)
        data = b"".join(message.value or b"" for message in messages)
        stream = ByteStream(io.BytesIO(data), self._bounds, len(data) + 1)
        TextSource.__init__(self, stream, *(TYPED if reading is None else reading.typed()))
        self.name = topic

    def read(
        self, block: Block, wanted: Sequence[str], numeric: Container[str] = (), *, whole: bool = False
    ) -> Read:
        """The rows of the batch; rejected messages have their partition, offset and value."""
        rows, rejected = super().read(block, wanted, numeric, whole=whole)
        found = [self._messages[number] for number in rows.numbers.tolist()]
        sources = tuple(self._partition(message) for message in found)
        offsets = np.array([message.offset for message in found], dtype=np.int64)
        placed = MessageRows(
            rows.source, rows.columns, rows.table, offsets, rows.raw, "offset", rows.whole, sources=sources
        )
        return Read(placed, [self._placed(row) for row in rejected])

    def _bounds(self, data: bytes, *, at_end: bool) -> RecordBounds:
        """Where each message starts; their numbers are positions in the batch."""
        ends = np.cumsum([0, *(len(message.value or b"") for message in self._messages)], dtype=np.int64)
        return RecordBounds(ends, np.arange(len(ends)))

    def _read_head(self) -> tuple[bytes, tuple[str, ...]]:
        return b"", tuple(self._keys)

    def _records(self, block: Block) -> tuple[list[bytes], Offsets]:
        """All messages, also empty ones, and their positions in the batch."""
        data, split = block.content
        starts = split.starts.tolist()
        return [data[start:end] for start, end in pairwise(starts)], split.lines[:-1]

    def _objects(self, lines: Sequence[bytes]) -> Iterator[Found]:
        for line, message in zip(lines, self._messages, strict=False):
            yield self._object(line, message)

    def _object(self, line: bytes, message: Message) -> Found:
        """What is in a message, with its key; or the kind and the description of its error."""
        if message.value is None:
            return "json", "has a key but no value (a tombstone); wanted one object per message"
        if line.startswith(b"\0"):
            return "json", _FRAMED
        found = found_object(line, self.unit)
        if isinstance(found, tuple):
            return found
        if self._fields and not any(name in found for name in self._fields):
            return "json", f"has none of the columns of the model: {listed(self._fields, _MOST_NAMED)}"
        if self._key_column is not None:
            key = None if message.key is None else message.key.decode("utf-8", "backslashreplace")
            found[self._key_column] = key
        self.absent -= found.keys()
        return found

    def _placed(self, row: Rejected) -> Rejected:
        """A rejected row with its place in the topic instead of that in the batch."""
        message = self._messages[row.number]
        return replace(
            row,
            source=self._partition(message),
            number=message.offset,
            raw=message.value or b"",
            unit="offset",
        )

    def _partition(self, message: Message) -> str:
        return f"{self._topic}[{message.partition}]"
