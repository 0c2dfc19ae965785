"""Refusal of an output that is one of the files a command reads, whatever path leads to it."""

from __future__ import annotations

import os
import stat
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.io.files import bare_suffix


def refuse_overwriting(outputs: Mapping[str, str | None], inputs: Iterable[str]) -> None:
    """Raise InputError where an output is one of the inputs, or two outputs are one file.

    Links and other spellings of a path lead to the same file. Pipes and devices can be both.

    Parameters
    ----------
    outputs : mapping of str to str or None
        By what a user calls them, such as ``-o``.
    inputs : iterable of str
        Paths and URLs; ``-`` is standard input.
    """
    read = {place: path for path in inputs for place in _places(path)}
    written: dict[Hashable, str] = {}
    for name, path in outputs.items():
        places = _places(path) if path is not None else set()
        for place in places:
            if place in read:
                raise InputError(_message(name, path, f"the file that is read as {read[place]}"))
            if place in written:
                raise InputError(_message(name, path, f"the file that {written[place]} writes"))
        written.update(dict.fromkeys(places, name))


def _message(name: str, path: str | None, what: str) -> str:
    return f"{name} {path}: is {what}; give the output a name of its own"


def _places(path: str) -> set[Hashable]:
    """What tells a file from others: where its path leads, and its inode if it exists."""
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


def refuse_reading_back(name: str, path: str | None, folder: Path, suffixes: Iterable[str]) -> None:
    """Raise InputError where an output lies in a watched folder and would be read as one of its files."""
    if path is None or not folder.is_dir() or Path(os.path.realpath(path)).parent != folder.resolve():
        return
    if bare_suffix(path) in suffixes:
        raise InputError(f"{name} {path}: lies in {folder}, whose files are read; give it another folder")
