"""A spool: alerts that wait for a sink, each in a small file, in the order in which they were raised."""

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
"""Directory, inside that of the sink, of alerts that the receiver rejected."""

LAST = "last"
"""File, in the directory of the sink, with its last delivery, and its last failure and the reason."""


class Spool:
    """The alerts that wait for one sink, in a directory that is created when it is first needed.

    A file is named ``<number>-<id>.json``. To send refused alerts again, move their files from ``refused`` up
    by one directory; the next run sends them.

    Attributes
    ----------
    n_refused : int
        Alerts moved to ``refused`` since this object was created.
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
        """Store the alerts that are not in the spool yet; they are on disk when this returns."""
        new = [alert for alert in alerts if alert.id not in self._ids]
        if new:
            make_directory(self.directory)
            for alert in new:
                self._store(alert)
            sync_directory(self.directory)

    def oldest(self) -> Alert | None:
        """The alert that has waited longest, or None; a file that cannot be read is moved to ``refused``."""
        while self._waiting:
            path = self._waiting[0]
            try:
                return Alert.from_json(path.read_text(encoding="utf-8"))
            except (OSError, ValueError, KeyError, TypeError) as error:
                self.refuse(f"cannot be read as an alert ({type(error).__name__})")
        return None

    def drop(self) -> None:
        """Remove the oldest, because it was delivered."""
        remove(self._pop())

    def refuse(self, why: str) -> None:
        """Move the oldest to ``refused``; the first time with a warning."""
        path = self._pop()
        refused = self.directory / REFUSED / path.name
        if path.exists():
            make_directory(refused.parent)
            move(path, refused)
        self.n_refused += 1
        if self.n_refused == 1:
            text = f"alert {refused.stem.partition('-')[2]} {why}; it is in {refused}"
            warnings.warn(f"{text}; move it up by one directory to try again", AlertingWarning, stacklevel=3)

    def restore_refused(self) -> int:
        """Move refused alerts back, so that they wait again; returns their number."""
        refused = sorted((self.directory / REFUSED).glob("*-*.json"))
        for path in refused:
            move(path, self.directory / path.name)
        self._waiting = deque(sorted({*self._waiting, *(self.directory / path.name for path in refused)}))
        self._ids |= {path.stem.partition("-")[2] for path in refused}
        return len(refused)

    def note(self, last: Mapping[str, str]) -> None:
        """Record what happened last, for ``alerts status``; a run does not fail if this cannot be written."""
        if self.directory.is_dir():
            with suppress(SinkError):
                atomic_write(self.directory / LAST, json.dumps(last) + "\n", sync_name=False)

    def _store(self, alert: Alert) -> None:
        self._number += 1
        path = self.directory / f"{self._number:012d}-{alert.id}.json"
        atomic_write(path, alert.to_json() + "\n", sync_name=False)
        self._waiting.append(path)
        self._ids.add(alert.id)

    def _pop(self) -> Path:
        path = self._waiting.popleft()
        self._ids.discard(path.stem.partition("-")[2])
        return path
