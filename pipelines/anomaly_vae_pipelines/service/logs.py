"""Logs: one JSON object per line on stderr, of the service and of uvicorn.

Lines of one iteration of the event loop are written together: one write per line would take longer than
encoding it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any

import msgspec

NAME = "anomaly_vae.service"
"""Name of the logger of the service."""

OTHERS = ("uvicorn", "uvicorn.error", "py.warnings")
"""Loggers of uvicorn and of warnings."""


class JsonLines(logging.Handler):
    """Writes records, and messages with fields, to stderr as lines of JSON."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[bytes] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        fields: dict[str, Any] = {}
        if record.exc_info:
            fields["trace"] = logging.Formatter().formatException(record.exc_info)
        self.write(record.levelno, record.getMessage(), fields, record.created)

    def write(self, level: int, message: str, fields: dict[str, Any], created: float) -> None:
        """Write a line, now or at the end of this iteration of the event loop."""
        head = {
            "time": datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds"),
            "level": logging.getLevelName(level).lower(),
            "message": message,
        }
        self._lines.append(msgspec.json.encode(head | fields, enc_hook=str))
        if len(self._lines) == 1:
            try:
                asyncio.get_running_loop().call_soon(self.flush)
            except RuntimeError:  # on a thread, or before the loop starts
                self.flush()

    def flush(self) -> None:
        """Write the collected lines."""
        lines, self._lines = self._lines, []
        if lines and not sys.stderr.closed:
            sys.stderr.write(b"\n".join([*lines, b""]).decode())
            sys.stderr.flush()


def log_to_stderr(level: str) -> None:
    """Send the logs of the service and of uvicorn to stderr, from a level on."""
    handler = JsonLines()
    for name in (NAME, *OTHERS):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level.upper())


def log(level: int, message: str, **fields: Any) -> None:
    """Log a message with fields; as an ordinary record if an application set handlers of its own."""
    logger = logging.getLogger(NAME)
    if not logger.isEnabledFor(level):
        return
    if logger.handlers and isinstance(logger.handlers[0], JsonLines):
        logger.handlers[0].write(level, message, fields, time.time())
    else:
        logger.log(level, "%s %s", message, fields)
