"""The program of a child process that loads one model file of unknown origin, within limits.

``python -m anomaly_vae.model_file.child_program check`` reads the file from standard input and prints one
line of JSON. ``anomaly_vae.model_file.child`` starts it.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from anomaly_vae.errors import ModelFileError

_CPU_SECONDS = 20
"""Processor time after the imports."""

_SIZES = 3
_FREE_BYTES = 200 * 2**20
"""Loading may take this much memory, plus ``_SIZES`` times the size of the file."""


def main(arguments: list[str]) -> None:
    """Read a model file from standard input and print one line of JSON: its metadata or an error."""
    if hasattr(os, "nice"):
        os.nice(10)  # requests of a service have priority
    import sklearn.pipeline  # noqa: F401  # before the limits are set, so that they apply to loading only
    import torch

    from anomaly_vae.detectors import image, tabular  # noqa: F401
    from anomaly_vae.model_file import rebuild, self_test  # noqa: F401
    from anomaly_vae.model_file.reading import metadata_of

    torch.set_num_threads(1)
    data = sys.stdin.buffer.read()
    _limit(len(data))
    try:
        answer: dict[str, Any] = {"metadata": metadata_of(data, check_versions=arguments == ["check"])}
    except ModelFileError as error:
        answer = {"error": str(error)}
    except Exception as error:  # a forged file can make any parser raise anything
        answer = {"error": f"damaged or forged ({type(error).__name__}: {error})"[:300]}
    print(json.dumps(answer))  # noqa: T201  # what the parent reads


def _limit(size: int) -> None:
    """Limit memory, processor time, processes and files from now on, if the system supports it."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: int(sum(os.times()[:2])) + _CPU_SECONDS,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    taken = _data_bytes()
    if taken is not None:
        limits[resource.RLIMIT_DATA] = taken + _SIZES * size + _FREE_BYTES
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))


def _data_bytes() -> int | None:
    """Bytes of data of this process, as Linux counts them for RLIMIT_DATA; None on other systems."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            lines = dict(line.split(":", 1) for line in status)
        return int(lines["VmData"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


if __name__ == "__main__":
    main(sys.argv[1:])
