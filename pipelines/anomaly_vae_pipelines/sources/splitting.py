"""Where the records of CSV begin, in bytes: a line break in quotes ends no record.

Bytes without a quote are cut at their line breaks, and well-formed quotes are told by counting, both at
the speed of memory. Only where quotes are broken is every record matched by itself; one that cannot be a
record then ends with its line, so that a forgotten quote costs its own row and not all those after it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_RECORD = 1 << 20
"""Bytes after which a quote that is still open is taken for a slip."""

_QUOTE, _COMMA, _NEWLINE, _RETURN = b'",\n\r'
_FIELD = rb'(?:"(?:[^"]++|"")*+"|[^,"\r\n][^,\r\n]*+|)'
_RECORD = re.compile(_FIELD + rb"(?:," + _FIELD + rb")*+(\r\n|\r|\n|\Z)")
_LINE = re.compile(rb"[^\r\n]*+(\r\n|\r|\n|\Z)")

Offsets = NDArray[np.int64]


class Split(NamedTuple):
    """Records of a piece of a file.

    Attributes
    ----------
    starts : array of shape (n_records + 1,)
        Offset at which each record begins, and last the one at which the last of them ends.
    lines : array of shape (n_records + 1,)
        How many lines begin before each of them.
    is_sound : bool
        Whether every quote is where a quote may be.
    has_quotes : bool
        Whether there is any.
    """

    starts: Offsets
    lines: Offsets
    is_sound: bool = True
    has_quotes: bool = False


def split_records(data: bytes, *, at_end: bool) -> Split:
    """The whole records of ``data``, which begins with one; with ``at_end`` what is left is the last one."""
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        return _split_slowly(data, at_end)
    cells = np.frombuffer(data, dtype=np.uint8)
    breaks = np.flatnonzero(cells == _NEWLINE)
    if b'"' not in data:
        starts = with_ends(data, breaks + 1, at_end)
        return Split(starts, np.arange(len(starts)))
    quotes = np.flatnonzero(cells == _QUOTE)
    if not _are_sound(cells, quotes, at_end):
        return _split_slowly(data, at_end)
    starts = with_ends(data, breaks[np.searchsorted(quotes, breaks) % 2 == 0] + 1, at_end)
    return Split(starts, np.searchsorted(breaks, starts), has_quotes=True)


def with_ends(data: bytes, ends: Offsets, at_end: bool) -> Offsets:
    """Starts of records that end where ``ends`` say; with ``at_end`` what is left is one too."""
    rest = [len(data)] if at_end and len(data) > (ends[-1] if len(ends) else 0) else []
    return np.concatenate([[0], ends, rest]).astype(np.int64)


def _split_slowly(data: bytes, at_end: bool) -> Split:
    """Each record matched by itself; a lone carriage return ends a line too."""
    starts = _matched(data, at_end)
    cells = np.frombuffer(data, dtype=np.uint8)
    breaks = cells == _NEWLINE
    breaks |= (cells == _RETURN) & ~np.append(breaks[1:], False)
    lines = np.searchsorted(np.flatnonzero(breaks), starts)
    return Split(starts, lines, is_sound=False, has_quotes=True)


def _are_sound(cells: NDArray[np.uint8], quotes: Offsets, at_end: bool) -> bool:
    """Whether quotes open at the start of a cell and close at its end (or are doubled), and all close."""
    opening, closing = quotes[::2], quotes[1::2]
    if at_end and len(opening) > len(closing):
        return False
    if not at_end and len(opening) > len(closing) and len(cells) - opening[-1] > MAX_RECORD:
        return False
    before = cells[opening[opening > 0] - 1]
    after = cells[closing[closing < len(cells) - 1] + 1]
    may_precede = (before == _COMMA) | (before == _NEWLINE) | (before == _QUOTE)
    may_follow = (after == _COMMA) | (after == _NEWLINE) | (after == _RETURN) | (after == _QUOTE)
    return bool(may_precede.all() and may_follow.all())


def _matched(data: bytes, at_end: bool) -> Offsets:
    """Starts of records, each matched by itself."""
    starts, position = [0], 0
    while position < len(data):
        found = _RECORD.match(data, position)
        if found is None:
            if not at_end and len(data) - position <= MAX_RECORD:
                break
            found = _LINE.match(data, position)
            assert found is not None  # a line may be empty
        if not at_end and _is_cut(data, found.end(), found.group(1)):
            break
        position = found.end()
        starts.append(position)
    return np.array(starts, dtype=np.int64)


def _is_cut(data: bytes, end: int, line_end: bytes) -> bool:
    """Whether a record may go on after what is there of it."""
    return end == len(data) and line_end in (b"", b"\r")
