"""The rotated files of a log: those that had its name before, told by their names and put in order.

Names that are known, of ``app.csv``: ``app.csv.1``, ``app.1.csv``, ``app.csv-20261126``,
``app.csv.2026-11-26``, ``app-2026-11-26.csv`` and ``app-2026-11-26.1.csv``, each also compressed (``.gz``,
``.bz2``, ``.zst``).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from anomaly_vae_pipelines.io.files import compression_of

_MARK = r"[-._](?P<mark>\d[\dT:._-]*)"
_MOST_COUNTER = 999
"""A single number up to here counts rotations, so that the larger is older; a larger one is a date."""


class _Rotated(NamedTuple):
    path: Path
    mtime: float
    numbers: tuple[int, ...]

    @property
    def is_counted(self) -> bool:
        return len(self.numbers) == 1 and self.numbers[0] <= _MOST_COUNTER


def rotated_files(path: Path) -> list[Path]:
    """The rotated files of a log that lie beside it, oldest first.

    Counted ones go by their numbers, dated ones by their dates, and a mixture by the time of the last
    change. A file that is there plain and compressed, as while it is being compressed, is given once, plain.
    """
    found = [read for file in _beside(path) if (read := _read_name(file, path)) is not None]
    plain = {file.path for file in found if compression_of(file.path.name) is None}
    kept = [file for file in found if file.path in plain or file.path.with_suffix("") not in plain]
    return [file.path for file in _in_order(kept)]


def _in_order(files: list[_Rotated]) -> list[_Rotated]:
    files = sorted(files, key=lambda file: (file.mtime, file.path.name))
    counted = {file.is_counted for file in files}
    if counted == {True}:
        return sorted(files, key=lambda file: -file.numbers[0])
    if counted == {False}:
        return sorted(files, key=lambda file: file.numbers)
    return files


def _beside(path: Path) -> list[Path]:
    try:
        return [file for file in path.parent.iterdir() if file.is_file()]
    except OSError:
        return []


def _read_name(file: Path, log: Path) -> _Rotated | None:
    """What the name of a file says; None where it is not a rotated file of the log."""
    name = file.stem if compression_of(file.name) else file.name
    behind = re.escape(log.name) + _MARK
    before = re.escape(log.stem) + _MARK + re.escape(log.suffix)
    for pattern in (behind, before):
        if matched := re.fullmatch(pattern, name):
            numbers = tuple(map(int, re.findall(r"\d+", matched["mark"])))
            return _Rotated(file, _mtime(file), _as_date(numbers))
    return None


def _as_date(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """A date of eight digits as year, month and day, so that both spellings sort alike."""
    first = numbers[0]
    if 19000101 <= first <= 99991231:
        return (first // 10_000, first // 100 % 100, first % 100, *numbers[1:])
    return numbers


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
