"""Status: what waits in a spool, the last delivery and failure, and which keys are in a cool-down.

It is read from the files alone, also while another process uses them, and needs no secrets.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting import state as states
from anomaly_vae_pipelines.alerting.config.reading import (
    AlertingSection,
    rule_tables,
    silences_of,
    sink_tables,
)
from anomaly_vae_pipelines.alerting.config.rule_sections import RuleSection
from anomaly_vae_pipelines.alerting.config.sections import read_known
from anomaly_vae_pipelines.alerting.config.sink_sections import SinkSection
from anomaly_vae_pipelines.alerting.delivery.spool import LAST, REFUSED
from anomaly_vae_pipelines.alerting.records import iso_time
from anomaly_vae_pipelines.alerting.rules.silencing import Count, Silence, Silencer
from anomaly_vae_pipelines.alerting.times import Clock
from anomaly_vae_pipelines.io.toml import load_toml


@dataclass(frozen=True)
class SinkStatus:
    """The status of one sink.

    Attributes
    ----------
    sink : str
        Its name.
    n_waiting, n_refused : int
        Alerts that wait to be sent, and alerts that the receiver rejected.
    oldest : str or None
        Time of the alert that has waited longest.
    delivered, failed, error : str or None
        Time of the last delivery; time of the last failure, and its reason.
    """

    sink: str
    n_waiting: int
    n_refused: int
    oldest: str | None
    delivered: str | None
    failed: str | None
    error: str | None


@dataclass(frozen=True)
class Silenced:
    """A rule that raises no alert for a value of its key before a time."""

    rule: str
    key: dict[str, str]
    until: str


@dataclass(frozen=True)
class SilenceStatus:
    """A silence of the file of rules.

    Attributes
    ----------
    comment, created_by : str
        Why, and who wants it.
    matchers : tuple of str
        What it silences.
    status : {"pending", "active", "expired"}
        Whether it has begun, and whether it has ended.
    ends_at : str
        Its end, in UTC.
    n_silenced : int
        Matches that it took.
    last, what : str or None, str
        Time and description of the last of them.
    """

    comment: str
    created_by: str
    matchers: tuple[str, ...]
    status: str
    ends_at: str
    n_silenced: int
    last: str | None
    what: str


@dataclass(frozen=True)
class Status:
    """The status of alerting: its sinks, what is in a cool-down, and silences."""

    spool: str
    sinks: Sequence[SinkStatus]
    silenced: Sequence[Silenced]
    silences: Sequence[SilenceStatus] = ()


def read_status(
    rules: Path, owner: Path, *, is_checkpoint: bool = False, clock: Clock | None = None
) -> Status:
    """The status of a file of rules, with the state (or the checkpoint of a watch) that belongs to it.

    Raises InputError if one of them cannot be read.
    """
    values = load_toml(rules)
    section = read_known(AlertingSection, values, str(rules))
    spool = Path(section.spool) if section.spool else states.spool_beside(owner)
    heads = [read_known(RuleSection, table, where) for table, where in rule_tables(values, rules)]
    names = [read_known(SinkSection, table, where).name for table, where in sink_tables(values, rules)]
    state = states.load(owner)
    if is_checkpoint and state is not None:
        state = state.get("observer")
    has_times = section.time is not None
    silenced = _silenced(heads, state, str(owner), clock or Clock(), has_times=has_times) if state else ()
    sinks = [_sink(spool / name) for name in _with_spooled(names, spool)]
    silencer = Silencer([silence for silence, _ in silences_of(values, rules)])
    with _valid(str(owner)):
        silencer.set_state((state or {}).get("silences", {}))
    silences = [_silence(one, silencer, (clock or Clock()).now()) for one in silencer.silences]
    return Status(str(spool), sinks, list(silenced), silences)


def _silence(silence: Silence, silencer: Silencer, now: float) -> SilenceStatus:
    count = silencer.counts.get(silence.id, Count())
    status = "pending" if now < silence.starts_at else "active" if now < silence.ends_at else "expired"
    matchers = tuple(map(str, silence.matchers))
    ends_at = iso_time(silence.ends_at)
    counts = count.n, count.time, count.what
    return SilenceStatus(silence.comment, silence.created_by, matchers, status, ends_at, *counts)


@contextmanager
def _valid(where: str) -> Iterator[None]:
    """Raise InputError if what the block reads from a state is not valid."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{where}: is not a valid alert state ({type(error).__name__})") from error


def _with_spooled(names: Sequence[str], spool: Path) -> Sequence[str]:
    """Names of sinks in the order of the file, and then of others that have alerts in the spool."""
    spooled = sorted(path.name for path in spool.iterdir() if path.is_dir()) if spool.is_dir() else []
    return list(dict.fromkeys([*names, *spooled]))


def _sink(directory: Path) -> SinkStatus:
    waiting, last = sorted(directory.glob("*-*.json")), _json(directory / LAST)
    n_refused = len(list((directory / REFUSED).glob("*-*.json")))
    oldest = _json(waiting[0]).get("time") if waiting else None
    last_events = (last.get(name) for name in ("delivered", "failed", "error"))
    return SinkStatus(directory.name, len(waiting), n_refused, oldest, *last_events)


def _json(path: Path) -> dict[str, Any]:
    """The contents of a small file; empty if it does not exist (any more) or is damaged."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _silenced(
    rules: Sequence[RuleSection], state: dict[str, Any], where: str, clock: Clock, *, has_times: bool
) -> Iterator[Silenced]:
    """Rules and keys in a cool-down, at the time of the last row where rows have times."""
    last = state.get("time") if isinstance(state, dict) else None
    now = last if has_times and last is not None else clock.now()
    with _valid(where):
        for rule in rules:
            columns, opened = state["rules"].get(rule.name, {}).get("cooldown", [[], []])
            for key, moment in opened:
                if moment + rule.cooldown > now:
                    names = dict(zip(columns, key, strict=False))
                    yield Silenced(rule.name, names, iso_time(moment + rule.cooldown))
