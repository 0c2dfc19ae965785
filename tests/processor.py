"""PROCESSOR: what the tests run on, for tests whose result could depend on it."""

from __future__ import annotations

import platform
from pathlib import Path

import torch


def _model() -> str:
    """Name of the processor as Linux gives it, elsewhere its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


PROCESSOR = f"{_model()} ({torch.backends.cpu.get_cpu_capability()}, {platform.machine()})"
