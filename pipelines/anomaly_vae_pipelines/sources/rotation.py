"""rotated_files: the rotated files of a log, recognised by their names, in order of age.

Names that are recognised for ``app.csv``: ``app.csv.1``, ``app.1.csv``, ``app.csv-20261126``,
``app.csv.2026-11-26``, ``app-2026-11-26.csv`` and ``app-2026-11-26.1.csv``, each also compressed (``.gz``,
``.bz2``, ``.zst``).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from anomaly_vae_pipelines.io.files import compression_of

_STAMP = r"[-._](?P<stamp>\d[\dT:._-]*)"
_MOST_COUNTER = 999
"""A single number up to this one counts rotations, so a larger one is older; beyond it, it is a date."""


class _Rotated(NamedTuple):
    path: Path
    mtime: float
    numbers: tuple[int, ...]

    @property
    def is_counted(self) -> bool:
        return len(self.numbers) == 1 and self.numbers[0] <= _MOST_COUNTER


def rotated_files(path: Path) -> list[Path]:
    """The rotated files in the directory of a log, oldest first.

    Numbered files are sorted by number, dated ones by date, and a mixture by modification time. If a file
    exists both plain and compressed, as during its compression, only the plain one is returned.
    """
    found = [read for file in _siblings(path) if (read := _parsed_name(file, path)) is not None]
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


def _siblings(path: Path) -> list[Path]:
    try:
        return [file for file in path.parent.iterdir() if file.is_file()]
    except OSError:
        return []


def _parsed_name(file: Path, log: Path) -> _Rotated | None:
    """A rotated file with the numbers in its name; None if the name is not one of the log."""
    name = file.stem if compression_of(file.name) else file.name
    behind = re.escape(log.name) + _STAMP
    before = re.escape(log.stem) + _STAMP + re.escape(log.suffix)
    for pattern in (behind, before):
        if matched := re.fullmatch(pattern, name):
            numbers = tuple(map(int, re.findall(r"\d+", matched["stamp"])))
            return _Rotated(file, modified(file), _as_date(numbers))
    return None


def _as_date(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """The numbers, with a date of eight digits split into year, month and day, to sort all dates alike."""
    first = numbers[0]
    if 19000101 <= first <= 99991231:
        return (first // 10_000, first // 100 % 100, first % 100, *numbers[1:])
    return numbers


def modified(path: Path) -> float:
    """The modification time of a file, in seconds since 1970; 0 if there is no file."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
