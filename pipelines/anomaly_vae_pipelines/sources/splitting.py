"""split_records: the offsets at which CSV records start; a line break in quotes does not end a record.

Without quotes, records end at line breaks; well-formed quotes are matched by counting. Both are vectorised.
Only if quotes are malformed is each record matched with a regular expression. A malformed record ends with
its line, so that a missing quote affects only its own row and not those after it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_QUOTED_BYTES = 1 << 20
"""Bytes after which a quote that is still open is considered a mistake."""

_QUOTE, _NEWLINE, _RETURN = b'"\n\r'
_FIELD = rb'(?:"(?:[^"]++|"")*+"|[^,"\r\n][^,\r\n]*+|)'
_RECORD = _FIELD + rb"(?:," + _FIELD + rb")*+(\r\n|\r|\n|\Z)"
_LINE = re.compile(rb"[^\r\n]*+(\r\n|\r|\n|\Z)")

Offsets = NDArray[np.int64]


class RecordBounds(NamedTuple):
    """The records in a piece of a file.

    Attributes
    ----------
    starts : array of shape (n_records + 1,)
        Offset at which each record starts, followed by the end of the last one.
    lines : array of shape (n_records + 1,)
        Number of lines that start before each of them.
    is_well_formed : bool
        Whether all quotes are at valid positions.
    has_quotes : bool
        Whether there are quotes.
    """

    starts: Offsets
    lines: Offsets
    is_well_formed: bool = True
    has_quotes: bool = False


def split_records(data: bytes, *, at_end: bool, separator: str = ",") -> RecordBounds:
    """The complete records of ``data``; with ``at_end``, the remaining bytes are a record too."""
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        return _split_slowly(data, at_end, separator)
    cells = np.frombuffer(data, dtype=np.uint8)
    breaks = np.flatnonzero(cells == _NEWLINE)
    if b'"' not in data:
        starts = with_ends(data, breaks + 1, at_end)
        return RecordBounds(starts, np.arange(len(starts)))
    quotes = np.flatnonzero(cells == _QUOTE)
    if not _are_well_formed(cells, quotes, at_end, ord(separator)):
        return _split_slowly(data, at_end, separator)
    starts = with_ends(data, breaks[np.searchsorted(quotes, breaks) % 2 == 0] + 1, at_end)
    return RecordBounds(starts, np.searchsorted(breaks, starts), has_quotes=True)


def with_ends(data: bytes, ends: Offsets, at_end: bool) -> Offsets:
    """Starts of the records that end at ``ends``; with ``at_end``, the remaining bytes are a record too."""
    rest = [len(data)] if at_end and len(data) > (ends[-1] if len(ends) else 0) else []
    return np.concatenate([[0], ends, rest]).astype(np.int64)


def split_lines(data: bytes, *, at_end: bool) -> RecordBounds:
    """The complete lines of ``data``; with ``at_end``, the remaining bytes are a line too."""
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n")) + 1
    starts = with_ends(data, ends, at_end)
    return RecordBounds(starts, np.arange(len(starts)))


@lru_cache(maxsize=8)
def _record_of(separator: str) -> re.Pattern[bytes]:
    """The regular expression of a record."""
    return re.compile(_RECORD.replace(b",", re.escape(separator.encode())))


def _split_slowly(data: bytes, at_end: bool, separator: str) -> RecordBounds:
    """Records found one by one; here a single carriage return ends a line too."""
    starts = _matched(data, at_end, _record_of(separator))
    cells = np.frombuffer(data, dtype=np.uint8)
    breaks = cells == _NEWLINE
    breaks |= (cells == _RETURN) & ~np.append(breaks[1:], False)
    lines = np.searchsorted(np.flatnonzero(breaks), starts)
    return RecordBounds(starts, lines, is_well_formed=False, has_quotes=True)


def _are_well_formed(cells: NDArray[np.uint8], quotes: Offsets, at_end: bool, separator: int) -> bool:
    """Whether all quotes open at the start of a cell, close at its end or are doubled, and are closed."""
    opening, closing = quotes[::2], quotes[1::2]
    if at_end and len(opening) > len(closing):
        return False
    if not at_end and len(opening) > len(closing) and len(cells) - opening[-1] > MAX_QUOTED_BYTES:
        return False
    before = cells[opening[opening > 0] - 1]
    after = cells[closing[closing < len(cells) - 1] + 1]
    may_precede = (before == separator) | (before == _NEWLINE) | (before == _QUOTE)
    may_follow = (after == separator) | (after == _NEWLINE) | (after == _RETURN) | (after == _QUOTE)
    return bool(may_precede.all() and may_follow.all())


def _matched(data: bytes, at_end: bool, record: re.Pattern[bytes]) -> Offsets:
    """Starts of records, found one by one with a regular expression."""
    starts, position = [0], 0
    while position < len(data):
        found = record.match(data, position)
        if found is None:
            if not at_end and len(data) - position <= MAX_QUOTED_BYTES:
                break
            found = _LINE.match(data, position)
            assert found is not None  # a line may be empty
        if not at_end and _is_incomplete(data, found.end(), found.group(1)):
            break
        position = found.end()
        starts.append(position)
    return np.array(starts, dtype=np.int64)


def _is_incomplete(data: bytes, end: int, line_end: bytes) -> bool:
    """Whether a record may continue after the end of the data."""
    return end == len(data) and line_end in (b"", b"\r")
