"""A spool: alerts that wait for a sink, one small file each, in the order in which they were raised."""

from __future__ import annotations

import warnings
from collections import deque
from pathlib import Path

from pipelines.alerting.records import Alert
from pipelines.durable import make_directory, move, remove, write_whole
from pipelines.errors import AlertingWarning
from pipelines.system import sync_directory

REFUSED = "refused"
"""Directory, in that of the sink, of alerts that the receiver will never take."""


class Spool:
    """What waits for one sink, in a directory that is made when it is first needed.

    A file is named ``<number>-<id>.json``. Whoever mends a receiver that refused alerts moves their
    files from ``refused`` up by one directory, and the next run sends them.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._waiting = deque(sorted(directory.glob("*-*.json")))
        self._ids = {path.stem.partition("-")[2] for path in self._waiting}
        self._number = int(self._waiting[-1].name.partition("-")[0]) if self._waiting else 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, alerts: list[Alert]) -> None:
        """Keep alerts that are not here yet; they are on disk when this returns."""
        new = [alert for alert in alerts if alert.id not in self._ids]
        if new:
            make_directory(self.directory)
            for alert in new:
                self._keep(alert)
            sync_directory(self.directory)

    def oldest(self) -> Alert | None:
        """The alert that has waited longest, or None; a file that can't be read is put aside."""
        while self._waiting:
            path = self._waiting[0]
            try:
                return Alert.from_json(path.read_text(encoding="utf-8"))
            except (OSError, ValueError, KeyError, TypeError) as error:
                self.refuse(f"cannot be read as an alert ({type(error).__name__})")
        return None

    def drop(self) -> None:
        """The oldest is delivered."""
        remove(self._forget())

    def refuse(self, why: str) -> None:
        """Put the oldest aside, and say so."""
        path = self._forget()
        aside = self.directory / REFUSED / path.name
        if path.exists():
            make_directory(aside.parent)
            move(path, aside)
        text = f"alert {aside.stem.partition('-')[2]} {why}; it lies in {aside}"
        warnings.warn(f"{text}; move it up one directory to try again", AlertingWarning, stacklevel=3)

    def _keep(self, alert: Alert) -> None:
        self._number += 1
        path = self.directory / f"{self._number:012d}-{alert.id}.json"
        write_whole(path, alert.to_json() + "\n", sync_name=False)
        self._waiting.append(path)
        self._ids.add(alert.id)

    def _forget(self) -> Path:
        path = self._waiting.popleft()
        self._ids.discard(path.stem.partition("-")[2])
        return path
