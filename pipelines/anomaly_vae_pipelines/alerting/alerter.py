"""The alerter: rows in, alerts out. It applies the rules and cool-downs, and passes alerts to delivery.

The order makes delivery at least once. Alerts are on disk in the spool before ``observe`` returns, the state
is saved after them, and a caller that keeps a position in the source saves it with or after the state. A
crash between two of these steps raises the same alerts again, under the same ids.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting import state as states
from anomaly_vae_pipelines.alerting.config.reading import Config, read_config
from anomaly_vae_pipelines.alerting.cooldown import Cooldown
from anomaly_vae_pipelines.alerting.delivery.outbox import Delivery
from anomaly_vae_pipelines.alerting.delivery.sinks import JsonLinesSink
from anomaly_vae_pipelines.alerting.locking import locked
from anomaly_vae_pipelines.alerting.records import Alert, AlertSummary, iso_time
from anomaly_vae_pipelines.alerting.rules.base import Match, Rule
from anomaly_vae_pipelines.alerting.rules.limits import CalibrationScores
from anomaly_vae_pipelines.alerting.rules.silencing import Silencer
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows
from anomaly_vae_pipelines.alerting.times import Clock, row_times
from anomaly_vae_pipelines.errors import AlertingWarning, UnknownNameError
from anomaly_vae_pipelines.records import ScoredRows

if TYPE_CHECKING:
    from anomaly_vae.drift.reference import Reference


class Alerter:
    """Applies rules to scored rows; ``load_alerter`` makes one from a file.

    Parameters
    ----------
    config : Config
        Rules and sinks.
    spool : Path
        Directory of alerts that wait for a sink; created when the first alert is raised.
    state : Path or None
        File that keeps the state from run to run; None if the caller keeps ``get_state``.
    clock : Clock
        For rows without a time, for silence and for waiting.
    locks : ExitStack
        Locks on spool and state, which ``close`` releases.
    """

    def __init__(
        self, config: Config, spool: Path, state: Path | None, clock: Clock, locks: ExitStack
    ) -> None:
        self._config, self._state, self._clock = config, state, clock
        self._cooldowns = [Cooldown(rule) for rule in config.rules]
        self._silencer = Silencer(config.silences)
        self._delivery = Delivery(config.sinks, spool, clock)
        self._time: float | None = None
        self._last_arrival, self._n_alerts, self._closed = clock.now(), 0, False
        saved = states.load(state) if state is not None else None
        if saved is not None:
            self._restore(saved, str(state))
        self._locks = locks.pop_all()  # last, so that the caller releases them if this fails

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the input that ``observe`` reads: those of rules, keys, times, silences and ids."""
        return self._config.columns

    @property
    def calibration_rows(self) -> Reference | None:
        """The calibration rows with which a rule wants scored rows to be compared; None if none does."""
        return next((rows for rule in self._config.rules if (rows := rule.calibration_rows)), None)

    @property
    def files(self) -> dict[str, str]:
        """Files that sinks append to, by name of the sink."""
        sinks = (sink for sink in self._config.sinks if isinstance(sink, JsonLinesSink) and sink.path != "-")
        return {f"sink {sink.name!r}": sink.path for sink in sinks}

    @property
    def prints(self) -> bool:
        """Whether a sink writes to standard output, so that nothing else may."""
        return any(getattr(sink, "path", None) == "-" for sink in self._config.sinks)

    def observe(self, batch: ScoredRows) -> list[Alert]:
        """The alerts that these rows raise, which are then on disk, and sent to the sinks that answer.

        Rows must be in the order of the source. How they are divided into batches does not change the ids.
        Raises UnknownNameError if a column is missing, InputError if no time can be read, and SinkError if
        the spool cannot be written.
        """
        alerts: list[Alert] = []
        if len(batch.scores):
            timed = self._timed(batch)
            self._time, self._last_arrival = float(timed.times[-1]), self._clock.now()
            alerts = self._raise(lambda rule: rule.find(timed), timed)
        self._delivery.send()
        return alerts

    def tick(self, now: float | None = None) -> list[Alert]:
        """The alerts that time alone raises: silence, and windows that no row closes.

        Call it from time to time while no rows arrive; ``now`` is in seconds since 1970. Alerts that wait for
        a sink are tried again.
        """
        moment = self._clock.now() if now is None else now
        alerts = self._raise(lambda rule: rule.tick(moment, moment - self._last_arrival), None)
        self._delivery.send()
        return alerts

    def checkpoint(self) -> None:
        """Save the state; all alerts are on disk already. A caller that keeps a position saves it next."""
        if self._state is not None:
            states.save(self._state, self.get_state())

    def close(self, *, ended: bool = True, warn: bool = True) -> AlertSummary:
        """Save the state and deliver what waits, within the patience of the file; returns the summary.

        Parameters
        ----------
        ended : bool
            Whether the source is at its end, so that open windows are judged, and a source without any row
            raises its alert. False if a later run continues with the same source.
        warn : bool
            Whether to warn about each sink that left alerts waiting; the summary names them in any case.

        Warns
        -----
        AlertingWarning
            If sinks did not accept all alerts; those wait in the spool for the next run.
        """
        if not self._closed:
            self._closed = True
            if ended:
                moment = self._clock.now()
                self._raise(lambda rule: rule.end(moment), None)
            self.checkpoint()
            self._delivery.finish(self._config.patience)
            for problem in self._delivery.waiting if warn else ():
                warnings.warn(problem, AlertingWarning, stacklevel=2)
            self.release()
        n_suppressed = sum(cooldown.n_suppressed for cooldown in self._cooldowns)
        return self._delivery.summary(self._n_alerts, n_suppressed, self._silencer.n_silenced)

    def release(self) -> None:
        """Release the locks on state and spool; ``close`` does so, and so does the end of the process."""
        self._locks.close()

    def get_state(self) -> dict[str, Any]:
        """The state as plain values for JSON, for a caller that keeps it in its own file."""
        return states.collect(self._cooldowns, self._time, self._silencer)

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what ``get_state`` returned; raises InputError for anything else."""
        self._restore(state, "state of alerting")

    def _restore(self, state: dict[str, Any], where: str) -> None:
        try:
            self._time = states.restore(state, self._cooldowns, self._silencer)
        except ValueError as error:
            raise InputError(f"{where}: {error}; delete it to start over") from error

    def _timed(self, batch: ScoredRows) -> TimedRows:
        for name in self.columns:
            if name not in batch.rows.columns:
                missing = f"there is no column {name!r}, which a rule, a silence or --id names"
                problem = f"{batch.rows.source}: {missing}"
                raise UnknownNameError(problem, name, batch.rows.columns)
        return TimedRows(batch, self._times(batch), self._config.ids)

    def _times(self, batch: ScoredRows) -> NDArray[np.float64]:
        if self._config.time is None:
            return np.full(len(batch.scores), self._clock.now())
        before = self._clock.now() if self._time is None else self._time
        cells, is_known = batch.rows.cells(self._config.time), self._time is not None
        return row_times(self._config.time, cells, before, is_known=is_known)

    def _raise(self, find: Callable[[Rule], Iterable[Match]], timed: TimedRows | None) -> list[Alert]:
        """Alerts of all rules, in the order of the rows that raised them; they are on disk."""
        found = [
            pair
            for each in self._cooldowns
            for pair in each.alerts(self._silencer.kept(each.rule, find(each.rule), timed), timed)
        ]
        alerts = [alert for _, alert in sorted(found, key=lambda pair: pair[0])]
        self._delivery.put(alerts)
        self._n_alerts += len(alerts)
        return alerts


def load_alerter(
    path: str | Path,
    *,
    state: Path | None = None,
    calibration_scores: NDArray[np.float64] | None = None,
    offset: float | None = None,
    calibration_rows: Callable[[], Reference] | None = None,
    n_of_key: int | None = None,
    environ: Mapping[str, str] = os.environ,
    beside: Path | None = None,
    clock: Clock | None = None,
    ids: Sequence[str] = (),
) -> Alerter:
    """An alerter for the rules and sinks of a TOML file (see ``alerting.config``).

    Parameters
    ----------
    path : str or Path
        The file.
    state : Path or None
        File that keeps the state from run to run; None to keep none, or if the caller keeps ``get_state``.
    calibration_scores : array of shape (n_rows,) or None
        Scores of held-out normal rows, in nats; rules of drift need them.
    offset : float or None
        The score below which the model flags a row; without it, runs and shares of flagged rows have no
        p-value.
    calibration_rows : callable or None
        Gives the calibration rows of a model of a table, with which rules of drift compare columns.
    n_of_key : int or None
        For a model with a threshold for each key, instead of the scores and the offset: the most held-out
        rows of a key.
    environ : mapping of str to str
        The environment variables, which hold the secrets.
    beside : Path or None
        If there is no state: the file in which the caller keeps ``get_state``, beside which alerts wait. By
        default they wait beside the file of rules.
    clock : Clock or None
        The clock; None for that of the machine.
    ids : sequence of str
        Columns by which people know a row; by default those that the file names.

    Raises
    ------
    InputError
        If the file or the state is not valid, or a rule can never fire with this calibration; the message
        says where and why.
    MissingExtraError
        If a sink needs Apprise and it is not installed.
    SinkError
        If another run is using the state (or the file in ``beside``) or the spool.
    """
    chosen = clock or Clock()
    calibration = CalibrationScores(calibration_scores, offset, calibration_rows, n_of_key)
    config = read_config(Path(path), environ, calibration, chosen)
    config = replace(config, ids=tuple(ids) or config.ids)
    _note_ended(config, Path(path), chosen.now())
    owner = state or beside or Path(path)
    spool = config.spool or states.spool_beside(owner)
    with locked(spool, owner) if state or beside else ExitStack() as locks:
        return Alerter(config, spool, state, chosen, locks)


def _note_ended(config: Config, path: Path, now: float) -> None:
    """Warn about silences that ended; where rows have times, those of before are still silenced."""
    effect = "silences only rows of before" if config.time else "is ignored"
    for number, silence in enumerate(config.silences, start=1):
        if silence.ends_at <= now:
            ended = f"{path}, silence {number} ({silence.comment}): ended at {iso_time(silence.ends_at)}"
            warnings.warn(f"{ended} and {effect}; remove it", AlertingWarning, stacklevel=3)
