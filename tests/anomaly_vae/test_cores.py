"""The number of cores that a process may use."""

from __future__ import annotations

from pathlib import Path

import joblib
import pytest

from anomaly_vae.cores import n_cores


def test_it_is_that_of_joblib() -> None:
    """Affinity, container and environment count as for joblib, whose import is slow."""
    assert n_cores() == joblib.cpu_count()


def test_the_environment_limits_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """LOKY_MAX_CPU_COUNT limits the number; other texts do not."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert n_cores() == 1
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "many")
    assert n_cores() == n_cores()


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, n_cores()),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, n_cores()),
        ({}, n_cores()),
    ],
)
def test_the_processor_time_of_a_container_limits_it(
    files: dict[str, str], wanted: int, tmp_path: Path
) -> None:
    """In both versions of control groups; half a core counts as one."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert n_cores(tmp_path) == wanted
