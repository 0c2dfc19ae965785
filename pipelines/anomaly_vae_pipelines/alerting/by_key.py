"""A mapping with one entry for each value of a key, which drops the oldest if there are too many."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from anomaly_vae_pipelines.alerting.records import Key
from anomaly_vae_pipelines.errors import AlertingWarning

T = TypeVar("T")

MAX_KEYS = 100_000
"""Values of a key that are kept, so that a column that differs in every row does not fill the memory."""


class ByKey(dict[Key, T]):
    """Entries by the value of a key, oldest first; a warning names ``owner``, the rule."""

    def __init__(self, owner: str, max_keys: int = MAX_KEYS) -> None:
        super().__init__()
        self.owner, self.max_keys = owner, max_keys
        self._warned = False

    def put(self, key: Key, entry: T) -> None:
        """Store an entry as the newest; if there are too many, the oldest is dropped."""
        self.pop(key, None)
        self[key] = entry
        if len(self) > self.max_keys:
            del self[next(iter(self))]
            self._warn()

    def drop(self, key: Key) -> None:
        """Remove the entry of a key, if there is one."""
        self.pop(key, None)

    def to_json(self, entry: Callable[[T], Any]) -> list[Any]:
        """A list of keys and entries, oldest first."""
        return [[list(key), entry(value)] for key, value in self.items()]

    def from_json(self, values: list[Any], entry: Callable[[Any], T]) -> None:
        """Replace all entries with those that ``to_json`` returned."""
        entries = {tuple(key): entry(value) for key, value in values}
        self.clear()
        self.update(entries)

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            text = (
                f"rule {self.owner!r}: its key has more than {self.max_keys} values; the oldest are dropped"
            )
            warnings.warn(f"{text}. Choose key columns with fewer values", AlertingWarning, stacklevel=4)
