"""System calls that are counted, and one of which goes wrong."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anomaly_vae_pipelines.io import system

KILLED = 137
"""Exit code of a process that was killed at a step."""

KINDS = ("open", "write", "truncate", "sync", "chmod", "replace", "unlink", "mkdir", "rmdir")
TAKES_ROOM = {"open", "write", "mkdir"}
MODES = ("error", "full", "kill", "torn")
"""What happens: this call fails; it and all later ones that need room fail; the process dies before it, or
after half of a write."""


@dataclass
class Counted(system.Calls):
    """Keeps the kind and the file of every call, and does what a fault says at one of them."""

    at: int = -1
    mode: str = ""
    steps: list[tuple[str, str]] = field(default_factory=list)
    on_step: Callable[[int], object] = bool
    _paths: dict[int, str] = field(default_factory=dict)
    _is_full: bool = False

    def _call(self, kind: str, first: Any, *rest: Any) -> Any:
        path = self._paths.get(first, "?") if isinstance(first, int) else str(first)
        number = len(self.steps)
        self.steps.append((kind, path))
        self.on_step(number)
        if number == self.at or (self._is_full and kind in TAKES_ROOM):
            self._go_wrong(kind, first, *rest)
        result = getattr(super(), kind)(first, *rest)
        if kind == "open":
            self._paths[result] = path
        return result

    def _go_wrong(self, kind: str, first: Any, *rest: Any) -> None:
        if kind == "write" and self.mode != "kill" and not self._is_full:
            os.write(first, rest[0][: len(rest[0]) // 2])
        if self.mode in ("kill", "torn"):
            os._exit(KILLED)
        self._is_full = self.mode == "full"
        number = errno.ENOSPC if kind in TAKES_ROOM else errno.EIO
        raise OSError(number, os.strerror(number), None if isinstance(first, int) else str(first))


def _counted(kind: str) -> Callable[..., Any]:
    def call(self: Counted, *arguments: Any) -> Any:
        return self._call(kind, *arguments)

    return call


for _kind in KINDS:
    setattr(Counted, _kind, _counted(_kind))


def modes_of(kind: str) -> tuple[str, ...]:
    """The faults that make sense at a kind of call."""
    if kind == "write":
        return MODES
    return ("error", "full", "kill") if kind in TAKES_ROOM else ("error", "kill")


def is_hidden(path: Path) -> bool:
    """Whether a file is none that a user knows."""
    return path.name.startswith(".")
