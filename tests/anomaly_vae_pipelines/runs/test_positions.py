"""Fingerprints of files that have been read in part."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from anomaly_vae_pipelines.runs.positions import WINDOW, Position

ROWS = b"".join(b"%06d,red\n" % i for i in range(5000))


def read_to(path: Path, offset: int) -> Position:
    position = Position()
    with path.open("rb") as stream:
        position.move(stream, offset, ROWS[:offset].count(b"\n"))
    return position


@pytest.mark.parametrize("offset", [11, WINDOW - 3, WINDOW, WINDOW + 1, 2 * WINDOW + 7, len(ROWS)])
def test_a_position_fits_the_file_however_it_is_kept(tmp_path, offset):
    """Grown, renamed, copied or compressed, it begins with the bytes that were read."""
    path = tmp_path / "a.csv"
    path.write_bytes(ROWS)
    position = read_to(path, offset)
    assert position.fits(path)
    path.write_bytes(ROWS + b"more\n")
    assert position.fits(path)
    packed = tmp_path / "a.csv.1.gz"
    packed.write_bytes(gzip.compress(ROWS))
    assert position.fits(packed)


@pytest.mark.parametrize("changed", [0, WINDOW - 1, 2 * WINDOW + 6])
def test_a_changed_byte_at_either_end_does_not_fit(tmp_path, changed):
    """At the start of the file, or just before the read position."""
    path = tmp_path / "a.csv"
    path.write_bytes(ROWS)
    position = read_to(path, 2 * WINDOW + 7)
    path.write_bytes(ROWS[:changed] + b"?" + ROWS[changed + 1 :])
    assert not position.fits(path)


def test_a_shorter_file_does_not_fit(tmp_path):
    """Nor does a missing one; a position at the start fits everything."""
    path = tmp_path / "a.csv"
    path.write_bytes(ROWS)
    position = read_to(path, len(ROWS))
    path.write_bytes(ROWS[:-1])
    assert not position.fits(path)
    path.unlink()
    assert not position.fits(path)
    assert Position().fits(path)
