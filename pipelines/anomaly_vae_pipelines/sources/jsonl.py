"""JsonLinesSource: one object per line; rows keep their bytes, and the wanted fields become columns."""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from math import isfinite
from typing import Any, TypeAlias

import numpy as np

from anomaly_vae_pipelines.arrow_arrays import arrow_bytes
from anomaly_vae_pipelines.dialects.reading import TYPED, Reading
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.records import Rows
from anomaly_vae_pipelines.sources.blocks import BLOCK_BYTES, Block, Read
from anomaly_vae_pipelines.sources.splitting import Offsets, RecordBounds, split_lines
from anomaly_vae_pipelines.sources.stream import ByteStream
from anomaly_vae_pipelines.sources.text import TextSource

Found: TypeAlias = "dict[str, Any] | tuple[str, str]"
"""An object, or the kind and the description of the error where there is none."""

_ARRAY = re.compile(rb"\s*\[\s*(?:\{|$)")
_JQ = "convert it with jq -c '.[]' FILE"


class JsonLinesSource(TextSource):
    """A file of JSON Lines, plain or compressed; ``-`` is standard input.

    Its columns are the keys of the objects in its first block. A key that is absent from a row is a missing
    cell. Empty lines and a byte order mark of UTF-8 are skipped. Only the complete lines of a ``growing``
    file are read.

    Attributes
    ----------
    unit : str
        What holds an object, for messages.

    Raises
    ------
    SourceError
        If it cannot be opened, has no object, or is an array or not in UTF-8, and later if it is damaged.
    """

    unit = "line"

    def __init__(
        self,
        path: str,
        *,
        block_bytes: int = BLOCK_BYTES,
        growing: bool = False,
        reading: Reading | None = None,
    ) -> None:
        stream = ByteStream(path, split_lines, block_bytes, growing=growing)
        super().__init__(stream, *(TYPED if reading is None else reading.typed()))

    def read(
        self, block: Block, wanted: Sequence[str], numeric: Container[str] = (), *, whole: bool = False
    ) -> Read:
        """Some fields of a block as text, those in ``numeric`` as numbers; with ``whole``, all as text."""
        lines, numbers = self._records(block)
        needed = frozenset(wanted)
        read = [name for name in self.columns if whole or name in needed]
        parsed = [self._cells(found, needed, read) for found in self._objects(lines)]
        positions = {name: position for position, name in enumerate(read)}
        kept, table, rejected = self._separated(lines, numbers, parsed, positions)
        raw = arrow_bytes([line for line, keep in zip(lines, kept, strict=True) if keep])
        rows = Rows(self.name, self.columns, table, numbers[kept], raw)
        return self._finished(rows, rejected, wanted, numeric, whole)

    def _records(self, block: Block) -> tuple[list[bytes], Offsets]:
        """The lines of a block that are not blank, and their numbers in the file."""
        lines, numbers = _lines(*block.content)
        return lines, numbers + block.start.line

    def _objects(self, lines: Sequence[bytes]) -> Iterator[Found]:
        """What is on each line."""
        return (found_object(line, self.unit) for line in lines)

    def _cells(
        self, value: Found, needed: Container[str], read: Sequence[str]
    ) -> list[str | None] | tuple[str, str]:
        """Some fields of an object as text, or the kind and the description of its error."""
        if isinstance(value, tuple):
            return value
        cells: list[str | None] = []
        for name in read:
            cell = value.get(self._keys[name])
            if type(cell) is int or (type(cell) is float and isfinite(cell)):
                cells.append(repr(cell))  # what json.dumps gives, in a tenth of the time
                continue
            if name in needed and (problem := _unreadable(cell)):
                return "json", f"column {name!r}: wanted a number, a boolean or text, got {problem}"
            text = cell if cell is None or isinstance(cell, str) else json.dumps(cell)
            cells.append(text if text is None or text.isascii() else _unicode(text))
        return cells

    def _read_head(self) -> tuple[bytes, tuple[str, ...]]:
        """An empty header, and the keys of the first block."""
        self._skip_mark()
        lines, numbers = _lines(*self._stream.first())
        if lines and _ARRAY.match(lines[0]):
            raise SourceError(self.name, None, f"is a JSON array; wanted one object per line: {_JQ}")
        found = list(self._objects(lines))
        keys = {key: None for value in found if isinstance(value, dict) for key in value}
        if not keys:
            for number, value in zip(numbers.tolist(), found, strict=True):
                if isinstance(value, tuple):
                    raise SourceError(self.name, number, value[1])
            raise SourceError(self.name, None, "has no JSON object with a key; wanted one per line")
        self._keys = {_unicode(key): key for key in keys}
        return b"", tuple(self._keys)

    def _skip_mark(self) -> None:
        """Skip a byte order mark of UTF-8; raises SourceError for a file in UTF-16 or UTF-32."""
        start = self._stream.peek(4)
        if b"\0" in start or start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise SourceError(self.name, None, "is in UTF-16 or UTF-32; save it as UTF-8")
        if start.startswith(codecs.BOM_UTF8):
            self._stream.skip(len(codecs.BOM_UTF8))


def _lines(data: bytes, split: RecordBounds) -> tuple[list[bytes], Offsets]:
    """Lines that are not blank, and their numbers in the block, from 1."""
    starts, ends = split.starts[:-1], split.starts[1:]
    lines = [data[start:end].rstrip(b"\r\n") for start, end in zip(starts, ends, strict=True)]
    numbers = split.lines[:-1] + 1
    filled = np.array([bool(line.strip()) for line in lines], dtype=bool)
    return [line for line, keep in zip(lines, filled, strict=True) if keep], numbers[filled]


def found_object(line: bytes, unit: str) -> Found:
    """The object in some bytes, of which messages speak as a ``unit``."""
    try:
        value = json.loads(line.decode("utf-8"), object_pairs_hook=_unique)
    except _RepeatedKeyError as error:
        return "json", f"repeats the key {error.args[0]!r}; wanted each key once per object"
    except UnicodeDecodeError as error:
        return "encoding", f"byte 0x{line[error.start]:02x} is not UTF-8; wanted each {unit} in UTF-8"
    except (ValueError, RecursionError) as error:
        return "json", f"is not JSON ({str(error) or 'nested too deeply'}); wanted one object per {unit}"
    if not isinstance(value, dict):
        return (
            "json",
            f"is not a JSON object but {line[:40].decode(errors='replace')}; wanted {{...}} in each {unit}",
        )
    return value


class _RepeatedKeyError(Exception):
    """An object has a key twice, of which ``json`` would keep the last."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs of an object as a dict; raises _RepeatedKeyError."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _RepeatedKeyError(
            next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        )
    return found


def _unreadable(cell: object) -> str | None:
    """A description of a cell that a model cannot read; None if it can."""
    if isinstance(cell, dict | list):
        return json.dumps(cell)[:40]
    if isinstance(cell, str) and not cell.isascii() and cell != _unicode(cell):
        return f"a lone surrogate in {json.dumps(cell)[:40]}, which is not a character"
    return None


def _unicode(text: str) -> str:
    r"""A text that can be encoded as UTF-8: a lone surrogate becomes its escape, such as ``\ud800``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
