"""Checks that no output is a file that the same command reads or writes, by whatever path."""

from __future__ import annotations

import os
import stat
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.io.files import format_suffix


def check_no_overwriting(outputs: Mapping[str, str | None], inputs: Iterable[str]) -> None:
    """Raise InputError if an output is also an input, or two outputs are the same file.

    Paths are resolved, and hard links detected. A pipe or a device may be both.

    Parameters
    ----------
    outputs : mapping of str to str or None
        Paths by the name of their option, such as ``-o``.
    inputs : iterable of str
        Paths and URLs; ``-`` is standard input.
    """
    read = {key: path for path in inputs for key in _file_keys(path)}
    written: dict[Hashable, str] = {}
    for name, path in outputs.items():
        keys = _file_keys(path) if path is not None else set()
        for key in keys:
            if key in read:
                raise InputError(_message(name, path, f"the file that is read as {read[key]}"))
            if key in written:
                raise InputError(_message(name, path, f"the file that {written[key]} writes"))
        written.update(dict.fromkeys(keys, name))


def _message(name: str, path: str | None, what: str) -> str:
    return f"{name} {path}: is {what}; choose another file for the output"


def _file_keys(path: str) -> set[Hashable]:
    """What identifies a file: its resolved path, and its inode if it exists."""
    if path == "-":
        return set()
    path = path.removeprefix("file://")
    if "://" in path:
        return {path}
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return {os.path.realpath(path)}
    if not stat.S_ISREG(status.st_mode):
        return set()
    return {os.path.realpath(path), (status.st_dev, status.st_ino)}


def check_not_read_back(name: str, path: str | None, folder: Path, suffixes: Iterable[str]) -> None:
    """Raise InputError if an output is in a watched folder and would be read as one of its files."""
    if path is None or not folder.is_dir() or Path(os.path.realpath(path)).parent != folder.resolve():
        return
    if format_suffix(path) in suffixes:
        raise InputError(f"{name} {path}: is in {folder}, whose files are read; choose another folder")
