"""write_whole: a file that is written completely or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from anomaly_vae.errors import InputError


def write_whole(path: str | os.PathLike[str], data: bytes, *, overwrite: bool) -> None:
    """Write a file atomically: other processes see either the complete old or the complete new file.

    Raises
    ------
    InputError
        If the folder does not exist, `path` is not a regular file, or it exists and `overwrite` is False.
    """
    target = Path(os.path.realpath(path))
    _check_target(target, overwrite)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with draft.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            shutil.copymode(target, draft)
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _check_target(target: Path, overwrite: bool) -> None:
    """Raise InputError for a path where the file cannot or must not be written."""
    if not target.parent.is_dir():
        raise InputError(f"{target}: folder {target.parent} does not exist; create it first")
    if target.exists() and not target.is_file():
        raise InputError(f"{target}: not a regular file; give the name of a file to write")
    if target.exists() and not overwrite:
        raise InputError(f"{target}: exists already; pass overwrite=True to replace it")
