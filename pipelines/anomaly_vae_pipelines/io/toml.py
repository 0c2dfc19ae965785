"""TOML files, read in one place with one kind of message."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from anomaly_vae.errors import InputError


def load_toml(path: str | Path) -> dict[str, Any]:
    """The whole file as a dictionary; raises InputError where it cannot be read."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not TOML ({error})") from error
