"""HistoryFile: the anomalies of the last 30 days in a SQLite file."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from anomaly_vae.errors import InputError

DAYS = 30
MOST = 100_000
"""Rows that a file keeps: the newest."""

_TABLE = """
CREATE TABLE IF NOT EXISTS anomalies (number INTEGER PRIMARY KEY, time REAL, model TEXT, content BLOB);
CREATE INDEX IF NOT EXISTS by_model ON anomalies (model, number);
"""


class HistoryFile:
    """A file of anomalies, each of which is bytes. Threads may share it.

    Raises
    ------
    InputError
        If the file cannot be written, or is not a history.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._lock = clock, threading.Lock()
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.executescript(_TABLE)
            self._connection.execute("SELECT number, time, model, content FROM anomalies LIMIT 1")
        except sqlite3.Error as error:
            problem = f"cannot be used as a history ({error}); give another --history FILE, or --no-history"
            raise InputError(f"{path}: {problem}") from error

    def append(self, model: str, rows: Sequence[tuple[float, bytes]]) -> None:
        """Add rows, oldest first, each with its time; and delete what is too old or too much."""
        with self._lock, self._connection as connection:
            connection.executemany(
                "INSERT INTO anomalies (time, model, content) VALUES (?, ?, ?)",
                [(moment, model, content) for moment, content in rows],
            )
            connection.execute(
                "DELETE FROM anomalies WHERE time < ? OR number <= (SELECT max(number) FROM anomalies) - ?",
                (self._clock() - DAYS * 86_400, MOST),
            )

    def newest(self, model: str, n_rows: int) -> list[bytes]:
        """The last rows of a model that are not older than ``DAYS``, oldest first."""
        query = "SELECT content FROM anomalies WHERE model = ? AND time >= ? ORDER BY number DESC LIMIT ?"
        with self._lock:
            found = self._connection.execute(query, (model, self._clock() - DAYS * 86_400, n_rows)).fetchall()
        return [content for (content,) in reversed(found)]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
