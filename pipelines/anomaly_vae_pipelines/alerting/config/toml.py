"""A table of a TOML file, read key by key; each mistake is told with file, table, key and what was wanted."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.times import seconds_of
from anomaly_vae_pipelines.errors import UnknownNameError


class Table:
    """Values of a table; what was not asked for when ``done`` is called is a mistake.

    Parameters
    ----------
    where : str
        File and table, for messages.
    values : mapping of str to object
        The table as TOML gave it.
    """

    def __init__(self, where: str, values: Mapping[str, Any]) -> None:
        self.where, self._values = where, values
        self._known: list[str] = []

    def has(self, key: str) -> bool:
        """Whether the file has this key."""
        self._known.append(key)
        return key in self._values

    def holds_number(self, key: str) -> bool:
        """Whether the file has a number under this key."""
        return isinstance(self._value(key), int | float)

    def text(self, key: str) -> str | None:
        """A text that isn't empty, or None where the key is missing."""
        value = self._value(key)
        if value is not None and (not isinstance(value, str) or not value):
            raise self.mistake(key, "a text that isn't empty", value)
        return value

    def choice(self, key: str, choices: Collection[str]) -> str | None:
        """One of the choices, or None where the key is missing."""
        value = self.text(key)
        if value is not None and value not in choices:
            problem = f"{self.where}: {key} wants one of {', '.join(choices)}, got {value!r}"
            raise UnknownNameError(problem, value, choices)
        return value

    def number(self, key: str, low: float, high: float) -> float | None:
        """A number from low to high, or None where the key is missing."""
        value = self._value(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.mistake(key, f"a number from {low:g} to {high:g}", value)
        return float(value)

    def count(self, key: str, low: int = 1) -> int | None:
        """A whole number, at least ``low``, or None where the key is missing."""
        value = self._value(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < low):
            raise self.mistake(key, f"a whole number from {low}", value)
        return value

    def seconds(self, key: str) -> float | None:
        """Seconds of a duration, or None where the key is missing."""
        value = self._value(key)
        try:
            return None if value is None else seconds_of(value)
        except (TypeError, ValueError):
            raise self.mistake(key, 'a duration such as "30s", "15m", "2h" or "1d"', value) from None

    def names(self, key: str) -> tuple[str, ...] | None:
        """Names of columns, or None where the key is missing."""
        value = self._value(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
            raise self.mistake(key, 'a list of names such as ["host"]', value)
        return tuple(dict.fromkeys(value))

    def tables(self, key: str) -> list[dict[str, Any]]:
        """Tables of an array ``[[key]]``; none where the key is missing."""
        value = self._value(key) or []
        if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
            raise self.mistake(key, f"tables, each under [[{key}]]", value)
        return value

    def only_one(self, *keys: str) -> None:
        """Raise InputError where the file has more than one of the keys."""
        given = [key for key in keys if self.has(key)]
        if len(given) > 1:
            raise InputError(f"{self.where}: give only one of {', '.join(given)}")

    def done(self) -> None:
        """Raise UnknownNameError for a key that nobody asked for."""
        for key in self._values:
            if key not in self._known:
                known = list(dict.fromkeys(self._known))
                problem = f"{self.where}: there is no key {key!r}, only {', '.join(known)}"
                raise UnknownNameError(problem, key, known)

    def missing(self, key: str, wanted: str) -> InputError:
        """The error of a key that has to be there."""
        return InputError(f"{self.where}: {key} is missing; wanted {wanted}")

    def mistake(self, key: str, wanted: str, got: object) -> InputError:
        """The error of a value that can't be used."""
        return InputError(f"{self.where}: {key} wants {wanted}, got {got!r}")

    def _value(self, key: str) -> Any:
        self._known.append(key)
        return self._values.get(key)


def read_toml(path: Path) -> Table:
    """The whole file as a table; raises InputError where it cannot be read."""
    try:
        return Table(str(path), tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not TOML ({error})") from error
