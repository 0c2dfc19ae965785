"""A spool: alerts that wait for a sink, one small file each, in the order in which they were raised."""

from __future__ import annotations

import json
import warnings
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from anomaly_vae_pipelines.alerting.records import Alert
from anomaly_vae_pipelines.errors import AlertingWarning, SinkError
from anomaly_vae_pipelines.io.durable import atomic_write, make_directory, move, remove
from anomaly_vae_pipelines.io.system import sync_directory

REFUSED = "refused"
"""Directory, in that of the sink, of alerts that the receiver will never take."""

LAST = "last"
"""File, in the directory of the sink, that says when it last took an alert, and when and why not."""


class Spool:
    """What waits for one sink, in a directory that is made when it is first needed.

    A file is named ``<number>-<id>.json``. Whoever mends a receiver that refused alerts moves their
    files from ``refused`` up by one directory, and the next run sends them.

    Attributes
    ----------
    n_refused : int
        Alerts put aside since this object was made.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.n_refused = 0
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
        """Put the oldest aside; the first time with a warning."""
        path = self._forget()
        aside = self.directory / REFUSED / path.name
        if path.exists():
            make_directory(aside.parent)
            move(path, aside)
        self.n_refused += 1
        if self.n_refused == 1:
            text = f"alert {aside.stem.partition('-')[2]} {why}; it lies in {aside}"
            warnings.warn(f"{text}; move it up one directory to try again", AlertingWarning, stacklevel=3)

    def take_back(self) -> int:
        """Let the alerts that were put aside wait again, oldest first; how many there are."""
        aside = sorted((self.directory / REFUSED).glob("*-*.json"))
        for path in aside:
            move(path, self.directory / path.name)
        self._waiting = deque(sorted({*self._waiting, *(self.directory / path.name for path in aside)}))
        self._ids |= {path.stem.partition("-")[2] for path in aside}
        return len(aside)

    def note(self, last: Mapping[str, str]) -> None:
        """Keep what happened last, for ``alerts status``; no run fails because that cannot be written."""
        if self.directory.is_dir():
            with suppress(SinkError):
                atomic_write(self.directory / LAST, json.dumps(last) + "\n", sync_name=False)

    def _keep(self, alert: Alert) -> None:
        self._number += 1
        path = self.directory / f"{self._number:012d}-{alert.id}.json"
        atomic_write(path, alert.to_json() + "\n", sync_name=False)
        self._waiting.append(path)
        self._ids.add(alert.id)

    def _forget(self) -> Path:
        path = self._waiting.popleft()
        self._ids.discard(path.stem.partition("-")[2])
        return path
