"""AdaptiveThreshold: a level for p-values that keeps the long-run rate of alarms on any stream.

Adaptive conformal inference (Gibbs & Candes 2021): the level falls after an alarm and rises after a row
without one, so that the share of alarms approaches the rate whatever the rows are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae.errors import InputError

_NUMBER = (int, float, np.integer, np.floating)
_WANTED = "p_values should be an array of numbers from 0 to 1, of shape (n_rows,)"


class AdaptiveThreshold:
    """Raises an alarm for a row whose p-value is at most a level, which follows the stream.

    A fixed threshold keeps its false-alarm rate as long as normal rows are like those of calibration. This
    one keeps the share of alarms, of any rows, also while the stream changes. So it suits streams in which
    anomalies are rarer than the rate: if all rows became anomalous, it would still flag a share of ``rate``.

    Parameters
    ----------
    rate : float
        Share of rows with an alarm in the long run, between 0 and 1.
    step : float, default=0.005
        How far the level moves per row, above 0: larger follows changes faster, and varies more.

    Attributes
    ----------
    level : float
        Rows with a p-value of at most this raise an alarm; at 0 or below none does.
    n_rows, n_alarms : int
        Rows and alarms until now.

    Raises
    ------
    InputError
        For a rate or a step that is not a number in its range.

    Examples
    --------
    >>> import numpy as np
    >>> from anomaly_vae import AdaptiveThreshold
    >>> threshold = AdaptiveThreshold(0.1)
    >>> alarms = threshold.update(np.random.default_rng(0).random(5000) ** 2)  # too many low p-values
    >>> round(float(alarms.mean()), 2)
    0.1
    """

    def __init__(self, rate: float, *, step: float = 0.005) -> None:
        if not isinstance(rate, _NUMBER) or not 0.0 < rate < 1.0:
            raise InputError(f"rate must be a number between 0 and 1, got {rate!r}")
        if not isinstance(step, _NUMBER) or not 0.0 < step < np.inf:
            raise InputError(f"step must be a number above 0, got {step!r}")
        self.rate, self.step, self.level = float(rate), float(step), float(rate)
        self.n_rows = self.n_alarms = 0

    def update(self, p_values: ArrayLike) -> NDArray[np.bool_]:
        """The alarms of the next rows; how a stream is divided into batches changes nothing.

        Parameters
        ----------
        p_values : array of shape (n_rows,)
            As ``p_values`` of a detector returns them, in the order of the stream.

        Returns
        -------
        alarms : array of bool, shape (n_rows,)

        Raises
        ------
        InputError
            For anything but numbers from 0 to 1.
        """
        values = _numbers(p_values)
        if values.ndim != 1 or not ((values >= 0.0) & (values <= 1.0)).all():
            raise InputError(_WANTED)
        return np.array([self._is_alarm(value) for value in values.tolist()], dtype=bool)

    @property
    def bound(self) -> float:
        """The largest possible difference between the share of alarms until now and ``rate``, on any stream.

        It is 1 before the first row, and falls as 1 / (step * n_rows).
        """
        if not self.n_rows:
            return 1.0
        return min((max(self.rate, 1.0 - self.rate) + self.step) / (self.step * self.n_rows), 1.0)

    def _is_alarm(self, p_value: float) -> bool:
        is_alarm = self.level > 0.0 and p_value <= self.level
        self.level += self.step * (self.rate - is_alarm)
        self.n_rows += 1
        self.n_alarms += is_alarm
        return is_alarm


def _numbers(values: ArrayLike) -> NDArray[np.float64]:
    """Values as an array of float64; raises InputError for anything but numbers."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(_WANTED) from error
