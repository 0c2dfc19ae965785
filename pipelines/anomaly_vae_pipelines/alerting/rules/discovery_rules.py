"""Online false-discovery control: which rows of an endless stream are discoveries, decided row by row.

LORD++ (Ramdas, Yang, Wainwright and Jordan 2017, "Online control of the false discovery rate with decaying
memory"): each row is tested at a level that falls with the rows since the last discoveries and rises with
each discovery, so that the expected share of false ones among all discoveries stays at most the rate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae_pipelines.alerting.rules.base import RuleOptions
from anomaly_vae_pipelines.alerting.rules.limits import Limit
from anomaly_vae_pipelines.alerting.rules.row_rules import ScoreRule
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows

Floats = NDArray[np.float64]

MOST_DISCOVERIES = 1_000
"""Discoveries that are remembered: without older ones the levels are a little lower, and so still valid."""

_SCALE = 0.07720838
"""Keeps the sum of the sequence below 1 (Javanmard and Montanari 2018, "Online rules", section 5)."""


class Lord:
    """The levels of LORD++ for a stream of p-values.

    Parameters
    ----------
    rate : float in (0, 1)
        The false-discovery rate. Half of it is the wealth at the start.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.n_seen = 0
        self._first: int | None = None
        self._others: list[int] = []

    def level(self, number: int) -> float:
        """The level at which the row with this number, from 1, is tested, given the discoveries before it."""
        start = self.rate / 2.0
        level = start * float(shares(np.array([number]))[0])
        if self._first is not None:
            level += (self.rate - start) * float(shares(np.array([number - self._first]))[0])
        if self._others:
            level += self.rate * float(shares(number - np.array(self._others)).sum())
        return level

    def discover(self, number: int) -> None:
        """Count the row with this number as a discovery."""
        if self._first is None:
            self._first = number
        else:
            self._others = [*self._others, number][-MOST_DISCOVERIES:]

    def get_state(self) -> dict[str, Any]:
        """What was seen, as JSON."""
        return {"rows": self.n_seen, "first": self._first, "others": self._others}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``get_state`` returned."""
        first = state["first"]
        self.n_seen, self._first = int(state["rows"]), None if first is None else int(first)
        self._others = [int(number) for number in state["others"]]


def shares(lags: NDArray[np.int64]) -> Floats:
    """The share of wealth for the row that comes this many rows after it was earned, shape (n_lags,)."""
    lags = lags.astype(np.float64)
    return np.asarray(_SCALE * np.log(np.maximum(lags, 2.0)) / (lags * np.exp(np.sqrt(np.log(lags)))))


def last_possible(rate: float, least: float) -> int:
    """The last row that can be the first discovery, if no p-value is less than ``least``; 0 if none can."""
    numbers = np.unique(np.geomspace(1, 10**9, 2_000).astype(np.int64))
    possible = numbers[rate / 2.0 * shares(numbers) >= least]
    return int(possible[-1]) if len(possible) else 0


class DiscoveryRule(ScoreRule):
    """Finds rows that are discoveries at a false-discovery rate, over all rows of the stream.

    Parameters
    ----------
    options : RuleOptions
    limit : Limit
        Rows with a p-value up to the rate, which no level exceeds.
    rate : float
    """

    def __init__(self, options: RuleOptions, limit: Limit, rate: float) -> None:
        super().__init__(options, limit)
        self._lord = Lord(rate)

    @property
    def settings(self) -> str:
        return f"{super().settings} fdr {self._lord.rate} {self.limit.tail is not None}"

    @property
    def meaning(self) -> str:
        return f"each row that is a discovery at a false-discovery rate of {self._lord.rate:g}"

    @property
    def false_alarms(self) -> str:
        return f"{100 * self._lord.rate:.3g} % of the rows in alerts"

    @property
    def condition(self) -> str:
        return f" at a false-discovery rate of {self._lord.rate:g}"

    def get_state(self) -> Any:
        return self._lord.get_state()

    def set_state(self, state: Any) -> None:
        self._lord.set_state(state)

    def _flags(self, timed: TimedRows) -> NDArray[np.bool_]:
        flags = self.limit.flags(timed.scored)
        for at in np.flatnonzero(flags).tolist():
            number = self._lord.n_seen + at + 1
            p_value = self.limit.p_value_of(timed.scored, at)
            flags[at] = math.isfinite(p_value) and p_value <= self._lord.level(number)
            if flags[at]:
                self._lord.discover(number)
        self._lord.n_seen += len(flags)
        return flags
