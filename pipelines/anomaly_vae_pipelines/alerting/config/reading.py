"""The TOML file of alerting: what it says, checked, as objects.

At the top: ``time`` (a column with the time of each row, ISO 8601 or seconds; without it the clock),
``key`` (columns; each of their values is judged by itself), ``id`` (columns by which people know a row),
``cooldown`` (by default ``1h``), ``spool`` (a directory for alerts that wait for a sink) and ``patience``
(how long the end of a run waits for sinks that fail, by default ``30s``). Then tables ``[[rule]]`` (see
``rule_tables``) and ``[[sink]]`` (see ``sink_tables``):

    time = "timestamp"
    key = ["host"]
    id = ["order"]

    [[rule]]
    name = "odd-row"
    kind = "score"
    p_value = 0.01
    severity = "critical"

    [[sink]]
    kind = "webhook"
    url_env = "ALERT_URL"
    secret_env = "ALERT_SECRET"
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.config.rule_tables import COOLDOWN, Defaults, read_rule
from anomaly_vae_pipelines.alerting.config.sink_tables import read_sinks
from anomaly_vae_pipelines.alerting.config.toml import Table, read_toml
from anomaly_vae_pipelines.alerting.delivery.sinks import Sink
from anomaly_vae_pipelines.alerting.rules.base import Rule
from anomaly_vae_pipelines.alerting.rules.limits import Calibration
from anomaly_vae_pipelines.alerting.times import Clock

PATIENCE = 30.0
"""Seconds that the end of a run waits for sinks that fail."""


@dataclass(frozen=True)
class Config:
    """What a file of rules says.

    Attributes
    ----------
    time : str or None
        Column with the time of a row.
    rules : sequence of Rule
        What is looked for.
    sinks : sequence of Sink
        Where alerts go.
    spool : Path or None
        Directory of alerts that wait.
    patience : float
        Seconds that the end of a run waits for sinks that fail.
    ids : tuple of str
        Columns by which people know a row.
    """

    time: str | None
    rules: Sequence[Rule]
    sinks: Sequence[Sink]
    spool: Path | None
    patience: float
    ids: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the input that rules, keys, times and ids are read from."""
        time = () if self.time is None else (self.time,)
        of_rules = (name for rule in self.rules for name in rule.columns)
        return tuple(dict.fromkeys([*time, *of_rules, *self.ids]))


@dataclass(frozen=True)
class Post:
    """The part of a file of rules that says how alerts travel: ``Config`` without the rules."""

    sinks: Sequence[Sink]
    spool: Path | None
    patience: float


def read_config(path: Path, environ: Mapping[str, str], calibration: Calibration, clock: Clock) -> Config:
    """What the file says; raises InputError for what isn't right in it."""
    table = read_toml(path)
    defaults = defaults_of(table, calibration, clock)
    rules = [read_rule(part, defaults) for part in parts_of(table, "rule")]
    post = _post(table, environ)
    time, ids = table.text("time"), table.names("id") or ()
    table.done()
    _once(table.where, "rule", (rule.name.name for rule in rules))
    return Config(time, rules, post.sinks, post.spool, post.patience, ids)


def read_post(path: Path, environ: Mapping[str, str]) -> Post:
    """What the file says of sinks, whatever its rules are; raises InputError for what isn't right in it."""
    return _post(read_toml(path), environ)


def _post(table: Table, environ: Mapping[str, str]) -> Post:
    sinks = [sink for part in parts_of(table, "sink") for sink in read_sinks(part, environ)]
    spool, patience = table.text("spool"), table.seconds("patience")
    _once(table.where, "sink", (sink.name for sink in sinks))
    return Post(sinks, Path(spool) if spool else None, PATIENCE if patience is None else patience)


def defaults_of(table: Table, calibration: Calibration, clock: Clock) -> Defaults:
    """What the top of the file says for all rules."""
    cooldown = table.seconds("cooldown")
    return Defaults(table.names("key") or (), COOLDOWN if cooldown is None else cooldown, calibration, clock)


def parts_of(table: Table, key: str) -> Sequence[Table]:
    """The tables of an array, each called by its number and name; raises InputError where there are none."""
    parts = table.tables(key)
    if not parts:
        raise table.missing(f"[[{key}]]", f"at least one {key}")
    names = [f" {part['name']!r}" if "name" in part else "" for part in parts]
    return [
        Table(f"{table.where}, {key} {i}{name}", part)
        for i, (part, name) in enumerate(zip(parts, names, strict=True), start=1)
    ]


def _once(where: str, what: str, names: Iterable[str]) -> None:
    doubles = [name for name, count in Counter(names).items() if count > 1]
    if doubles:
        raise InputError(f"{where}: {what} {doubles[0]!r} is there more than once; give each its own name")
