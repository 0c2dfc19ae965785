"""n_cores: how many processor cores this process may use."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
"""Where Linux mounts the control groups, which limit the processor time of a container."""


def n_cores(groups: Path = _GROUPS) -> int:
    """Cores that this process may use, at least 1: its affinity, and the processor time of its container.

    The environment variable LOKY_MAX_CPU_COUNT, which joblib also reads, limits the number.
    """
    limits = [_affinity(), _container(groups)]
    stated = os.environ.get("LOKY_MAX_CPU_COUNT", "")
    if stated.isdecimal():
        limits.append(int(stated))
    return max(1, min(limits))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _container(groups: Path) -> int:
    """The processor time that a container has, in cores, rounded up; the number of cores without a limit."""
    for quota, period in (("cpu.max", ""), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        with suppress(OSError, ValueError):
            texts = (groups / quota).read_text(encoding="ascii").split()
            if period:
                texts += (groups / period).read_text(encoding="ascii").split()
            most, per = int(texts[0]), int(texts[1])  # "max" means that there is no limit
            if most > 0 and per > 0:
                return math.ceil(most / per)
    return os.cpu_count() or 1
