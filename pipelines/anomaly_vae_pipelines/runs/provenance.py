"""Provenance: the step that a run adds to the history in a model file, and the data that it names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anomaly_vae import __version__
from anomaly_vae.model_file.provenance import MAX_TEXT
from anomaly_vae_pipelines.io.files import display_name, is_url


def step(
    kind: str, command: str | None, *, data: dict[str, Any] | None = None, parent: str | None = None
) -> dict[str, Any]:
    """A step of the history of a model.

    Parameters
    ----------
    kind : {"fit", "learn", "threshold"}
    command : str or None
        The command line; None if there was none.
    data : dict, optional
        As ``data_of`` returns it.
    parent : str, optional
        The ``model_id`` of the model that the step began with.
    """
    entries = {"command": None if command is None else shown(command), "data": data, "parent": parent}
    about = {"step": kind, "created": datetime.now(UTC).isoformat(timespec="seconds"), "version": __version__}
    return {**about, **{name: value for name, value in entries.items() if value}}


def data_of(source: str, digest: str | None, n_rows: int, n_columns: int | None = None) -> dict[str, Any]:
    """What the history says about a file or a folder, by the name that the user gave."""
    entries = {"rows": n_rows, "columns": n_columns, "sha256": digest}
    return {
        "name": shown(display_name(source)),
        **{name: value for name, value in entries.items() if value is not None},
    }


def times_of(table: Any, columns: Iterable[Any]) -> dict[str, str]:
    """The range of the first column of times among the columns of a schema; empty if there is none."""
    name = next((column.name for column in columns if column.kind == "datetime"), None)
    if name is None or name not in getattr(table, "columns", ()):
        return {}
    import pandas as pd

    times = pd.to_datetime(table[name], errors="coerce", utc=True, format="ISO8601").dropna()
    if times.empty:
        return {}
    return {"time": shown(str(name)), "first": times.min().isoformat(), "last": times.max().isoformat()}


def digest_of(paths: Sequence[str]) -> str | None:
    """The SHA-256 of a file, or of the SHA-256 of several, one per line; None unless all are local files."""
    if not paths or any(path == "-" or is_url(path) or not Path(path).is_file() for path in paths):
        return None
    digests = [_file_digest(path) for path in paths]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def shown(text: str) -> str:
    """A text without control characters, cut off where it is too long for a model file."""
    plain = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    plain = plain.encode("utf-8", "replace").decode()
    return plain if len(plain) <= MAX_TEXT else plain[: MAX_TEXT - 3] + "..."


def _file_digest(path: str) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
