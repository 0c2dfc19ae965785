"""Watch: a martingale over the columns of a table, and what it found."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, NamedTuple

import numpy as np

from anomaly_vae.drift.coding import Codes
from anomaly_vae.drift.martingale import Martingale
from anomaly_vae.drift.reference import Aspect, Reference
from anomaly_vae.errors import InputError


class Found(NamedTuple):
    """A change in a column: after how many rows it was found, and in which aspects, the first one first."""

    since: int
    aspects: tuple[Aspect, ...]


class Watch:
    """Watches rows for the first change from calibration in any column.

    The rate is that of a false alarm over all rows that will ever come, and over the choice of the
    calibration rows: half is for calibration rows that are unlike most, half for rows of the stream that are.
    Each half is divided among the streams, so that it is also the rate at which any column is named that did
    not change.

    Parameters
    ----------
    reference : Reference
    rate : float
        Between 0 and 1.
    """

    def __init__(self, reference: Reference, rate: float) -> None:
        self._streams = reference.streams()
        self._places = np.array([stream.place for stream in self._streams], dtype=np.int64)
        factors = reference.factors(rate / 2.0)
        self._martingale = Martingale(factors, 2.0 * len(self._streams) / rate)

    def fresh(self) -> Watch:
        """A watch of other rows of the same streams, which has seen none yet."""
        other = copy(self)
        other._martingale = self._martingale.fresh()
        return other

    @property
    def n_rows(self) -> int:
        """Rows since the start."""
        return self._martingale.n_rows

    def update(self, codes: Codes, *, stop: bool = False) -> int:
        """Count the next rows; returns how many, those up to the first alarm with ``stop``."""
        return self._martingale.update(codes[:, self._places], stop=stop)

    def restart(self) -> None:
        """Forget all rows."""
        self._martingale.restart()

    def found(self) -> dict[int, Found]:
        """Changes by column, those that were found first come first."""
        alarms = self._martingale.alarms
        found: dict[int, Found] = {}
        for place in np.argsort(alarms, kind="stable"):
            if alarms[place]:
                column, aspect, _ = self._streams[place]
                since, aspects = found.get(column, Found(int(alarms[place]), ()))
                found[column] = Found(since, tuple(dict.fromkeys([*aspects, aspect])))
        return found

    def get_state(self) -> dict[str, Any]:
        """What it remembers before an alarm, as JSON."""
        return self._martingale.get_state()

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``get_state`` returned; raises ValueError for anything else."""
        self._martingale.set_state(state)


def check_rate(rate: float) -> float:
    """The rate; raises InputError unless it is between 0 and 1."""
    if not 0.0 < rate < 1.0:
        raise InputError(f"rate must be between 0 and 1, got {rate!r}")
    return float(rate)
