"""History: what the service knows of its last day: counts, anomalies with their reasons, and reloads.

Counts hold no cell of any row. Anomalies do: they are kept in memory, in a file, or not at all. While rows
are scored, a bounded number of anomalies is set aside; they are explained when a client asks for them, or
before they are written to the file.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from anomaly_vae_pipelines.records import ImageRows, Rows, ScoredRows
from anomaly_vae_pipelines.service.models.activity import Activity
from anomaly_vae_pipelines.service.models.history_file import HistoryFile
from anomaly_vae_pipelines.service.models.inputs import json_rows

if TYPE_CHECKING:
    from anomaly_vae_pipelines.service.models.registry import ServedModel

Kept = Literal["memory", "file", "off"]
"""Where anomalies are kept."""

MOST = 200
"""Anomalies of a model that are kept in memory: the newest."""

MOST_AT_ONCE = 20
"""Anomalies of one batch that are kept: those with the lowest scores."""

MOST_RELOADS = 50
_MOST_WAITING = 20


class Cost(Struct):
    """A column that lowers the score of a row."""

    column: str
    nats: float
    observed: str | None
    expected: str | None


class Anomaly(Struct):
    """A row below the threshold; ``cells`` are empty for an image, ``file`` is its name."""

    id: str
    time: float
    model: str
    version: str
    score: float
    severity: float
    costs: list[Cost]
    ids: dict[str, Any]
    cells: dict[str, Any]
    file: str | None = None


class Reload(Struct):
    """A model file that was loaded or refused; ``reason`` is empty for one that was loaded."""

    time: float
    model: str
    version: str
    reason: str


class _Waiting(NamedTuple):
    """Anomalies of one batch that are not explained yet."""

    served: ServedModel
    time: float
    rows: Rows | tuple[str, ...]
    scores: list[float]
    severities: list[float]


class History:
    """The last day of a service. Threads may share it.

    Parameters
    ----------
    kept : str
        "memory", "off" (no cell of any row is kept), or the path of a file.
    clock : callable
        The time in seconds since 1970.

    Attributes
    ----------
    revision : int
        Changes when there is something new.
    is_ending : bool
        Whether the service ends; no client may wait for news then.

    Raises
    ------
    InputError
        If the file cannot be used.
    """

    def __init__(self, kept: str = "memory", clock: Callable[[], float] = time.time) -> None:
        self.kept: Kept = "memory" if kept == "memory" else "off" if kept == "off" else "file"
        self._clock, self._lock, self._explaining = clock, threading.Lock(), threading.Lock()
        self._file = HistoryFile(Path(kept), clock) if self.kept == "file" else None
        self._activities: dict[str, Activity] = {}
        self._waiting: dict[str, deque[_Waiting]] = {}
        self._anomalies: dict[str, deque[Anomaly]] = {}
        self._reloads: deque[Reload] = deque(maxlen=MOST_RELOADS)
        self.revision, self.is_ending = 0, False

    def open_model(self, name: str) -> None:
        """Keep a history of a model from now on, with what the file has of it."""
        if name in self._activities:
            return
        known = [] if self._file is None else self._file.newest(name, MOST)
        self._waiting[name] = deque(maxlen=_MOST_WAITING)
        self._anomalies[name] = deque((msgspec.json.decode(one, type=Anomaly) for one in known), MOST)
        self._activities[name] = Activity(self._clock)

    def add(self, served: ServedModel, scored: ScoredRows) -> None:
        """Count scored rows, and set the anomalies among them aside."""
        if not len(scored):
            return
        self._activities[served.name].add(scored.severities, scored.is_anomaly)
        self.revision += 1
        if self.kept == "off" or not scored.is_anomaly.any():
            return
        kept = np.flatnonzero(scored.is_anomaly)
        if len(kept) > MOST_AT_ONCE:
            kept = np.sort(kept[np.argpartition(scored.scores[kept], MOST_AT_ONCE)[:MOST_AT_ONCE]])
        rows: Rows | tuple[str, ...]
        if isinstance(scored.rows, ImageRows):
            rows = tuple(scored.rows.paths[position] for position in kept)
        else:
            mask = np.zeros(len(scored), dtype=np.bool_)
            mask[kept] = True
            rows = scored.rows.take(mask)
        scores, severities = scored.scores[kept].tolist(), scored.severities[kept].tolist()
        with self._lock:
            waiting = _Waiting(served, self._clock(), rows, scores, severities)
            self._waiting[served.name].append(waiting)

    def reloaded(self, model: str, version: str, reason: str = "") -> None:
        """Note that a model file was loaded, or the reason why it was refused."""
        self._reloads.append(Reload(self._clock(), model, version, reason))
        self.revision += 1

    def activity(self, name: str) -> Activity:
        """The counts of a model."""
        return self._activities[name]

    def reloads(self) -> list[Reload]:
        """The model files that were loaded or refused last, newest first."""
        return list(reversed(self._reloads))

    def anomalies(self, name: str) -> list[Anomaly]:
        """The last anomalies of a model, newest first; those that are new are explained first."""
        with self._explaining:
            with self._lock:
                waiting = list(self._waiting[name])
                self._waiting[name].clear()
            new = [anomaly for batch in waiting for anomaly in _explained(batch)]
            if new and self._file is not None:
                self._file.append(name, [(one.time, msgspec.json.encode(one)) for one in new])
            self._anomalies[name].extend(new)
            return list(reversed(self._anomalies[name]))

    def write(self) -> None:
        """Write new anomalies to the file, if there is one."""
        if self._file is not None:
            for name in list(self._activities):
                self.anomalies(name)

    def close(self) -> None:
        """Write new anomalies to the file, and close it."""
        self.is_ending = True
        self.write()
        if self._file is not None:
            self._file.close()
            self._file = None


def _explained(batch: _Waiting) -> list[Anomaly]:
    """The anomalies of a batch with their reasons; an image has none, its pixels are not kept."""
    served, rows = batch.served, batch.rows
    found = [
        Anomaly(secrets.token_hex(6), batch.time, served.name, served.version, score, severity, [], {}, {})
        for score, severity in zip(batch.scores, batch.severities, strict=True)
    ]
    if not isinstance(rows, Rows):
        for anomaly, file in zip(found, rows, strict=True):
            anomaly.file = file
        return found
    reasons = served.explained(rows).reasons
    for position, (anomaly, cells) in enumerate(zip(found, json_rows(rows), strict=True)):
        anomaly.cells = cells
        anomaly.ids = served.inputs.ids_of(cells)
        anomaly.costs = [
            Cost(one.column, one.nats, one.observed, one.expected) for one in reasons.get(position, ())
        ]
    return found
