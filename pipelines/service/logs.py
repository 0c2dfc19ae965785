"""Logs: one JSON object a line on stderr, of the service and of the server below it."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

NAME = "anomaly_vae.service"
"""Of the logger of the service."""

FIELDS = "fields"
"""Attribute of a log record that holds what its line says beside the message."""

_OTHERS = ("uvicorn", "uvicorn.error", "py.warnings")


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        content: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            content["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(content, enc_hook=str).decode()


def log_to_stderr(level: str) -> None:
    """Send what the service and its server have to say to stderr, from a level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in (NAME, *_OTHERS):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level.upper())


def log(level: int, message: str, **fields: Any) -> None:
    """A line of the service's own."""
    logger = logging.getLogger(NAME)
    if logger.isEnabledFor(level):
        logger.log(level, message, extra={FIELDS: fields})
