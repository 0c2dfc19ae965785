"""Names of rotated files."""

from __future__ import annotations

import os

import pytest

from anomaly_vae_pipelines.sources.rotation import rotated_files


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["app.csv.1", "app.csv.2", "app.csv.10"], ["app.csv.10", "app.csv.2", "app.csv.1"]),
        (["app.csv.1", "app.csv.2.gz", "app.csv.3.zst"], ["app.csv.3.zst", "app.csv.2.gz", "app.csv.1"]),
        (["app.1.csv", "app.2.csv"], ["app.2.csv", "app.1.csv"]),
        (["app.csv-20261126", "app.csv-20251231.bz2"], ["app.csv-20251231.bz2", "app.csv-20261126"]),
        (["app-2026-11-26.csv", "app-2026-11-05.csv.gz"], ["app-2026-11-05.csv.gz", "app-2026-11-26.csv"]),
        (["app.csv.2026-11-26", "app.csv.2026-11-27_10"], ["app.csv.2026-11-26", "app.csv.2026-11-27_10"]),
        (
            ["app-2026-11-26.10.csv", "app-2026-11-26.9.csv", "app-20261125.csv"],
            ["app-20261125.csv", "app-2026-11-26.9.csv", "app-2026-11-26.10.csv"],
        ),
    ],
)
def test_rotated_files_come_oldest_first(tmp_path, names, expected):
    """Counted ones by falling number, dated ones by date, whenever they were last changed."""
    for name in names:
        (tmp_path / name).touch()
    assert [path.name for path in rotated_files(tmp_path / "app.csv")] == expected


def test_a_mixture_of_names_goes_by_the_time_of_the_last_change(tmp_path):
    """There is nothing else to go by."""
    for time, name in enumerate(["app.csv.1", "app.csv-20200101", "app.csv.2"]):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time, time))
    expected = ["app.csv.1", "app.csv-20200101", "app.csv.2"]
    assert [path.name for path in rotated_files(tmp_path / "app.csv")] == expected


def test_other_files_are_no_rotated_ones(tmp_path):
    """Neither the log itself nor those of another log, and none twice while it is being compressed."""
    for name in ("app.csv", "app.csv.bak", "app2.csv.1", "myapp.csv.1", "app-old.csv", ".app.csv.watch"):
        (tmp_path / name).touch()
    assert rotated_files(tmp_path / "app.csv") == []
    for name in ("app.csv.1", "app.csv.1.gz"):
        (tmp_path / name).touch()
    assert [path.name for path in rotated_files(tmp_path / "app.csv")] == ["app.csv.1"]
    assert rotated_files(tmp_path / "none" / "app.csv") == []
