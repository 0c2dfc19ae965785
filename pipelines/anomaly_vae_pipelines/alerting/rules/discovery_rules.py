"""Online false-discovery control: rows of an endless stream that are discoveries, decided row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae_pipelines.alerting.rules.base import RuleOptions
from anomaly_vae_pipelines.alerting.rules.levels import METHODS, Levels, Method
from anomaly_vae_pipelines.alerting.rules.limits import Limit
from anomaly_vae_pipelines.alerting.rules.row_rules import ScoreRule
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows


def last_possible(method: Method, rate: float, least: float) -> int:
    """The last row that can be the first discovery, if no p-value is less than ``least``; 0 if none can.

    For SAFFRON it is counted without candidates, of which there may be any number.
    """
    numbers = np.unique(np.geomspace(1, 10**9, 2_000).astype(np.int64))
    possible = numbers[(1.0 - method.candidate) * rate / 2.0 * method.shares(numbers) >= least]
    return int(possible[-1]) if len(possible) else 0


class DiscoveryRule(ScoreRule):
    """Finds rows that are discoveries at a false-discovery rate, over all rows of the stream.

    Parameters
    ----------
    options : RuleOptions
    limit : Limit
        Gives the p-values.
    rate : float
    method : str
        A name of ``METHODS``.
    """

    def __init__(self, options: RuleOptions, limit: Limit, rate: float, method: str = "lord++") -> None:
        super().__init__(options, limit)
        self._levels = Levels(METHODS[method], rate)
        self._settings = f"fdr {rate} {limit.tail is not None}" + (f" {method}" if method != "lord++" else "")

    @property
    def settings(self) -> str:
        return f"{super().settings} {self._settings}"

    @property
    def meaning(self) -> str:
        return f"each row that is a discovery{self.condition} ({self._levels.method.title})"

    @property
    def false_alarms(self) -> str:
        return f"{100 * self._levels.rate:.3g} % of the rows in alerts"

    @property
    def condition(self) -> str:
        return f" at a false-discovery rate of {self._levels.rate:g}"

    def get_state(self) -> Any:
        return self._levels.get_state()

    def set_state(self, state: Any) -> None:
        self._levels.set_state(state)

    def _flags(self, timed: TimedRows) -> NDArray[np.bool_]:
        return self._levels.decide(self.limit.p_values(timed.scored).tolist())
