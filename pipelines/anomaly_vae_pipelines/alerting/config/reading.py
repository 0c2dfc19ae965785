"""The TOML file of alerting, read and checked: its rules and sinks as objects.

Its keys are the fields of ``AlertingSection``, of the rules in ``rule_sections`` and of the sinks in
``sink_sections``; the guide to alerts shows an example.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.config.rule_sections import RULES
from anomaly_vae_pipelines.alerting.config.sections import (
    Names,
    Seconds,
    Section,
    Text,
    located,
    read_kind,
    read_known,
    read_section,
)
from anomaly_vae_pipelines.alerting.config.silence_sections import SilenceTable, check_applies
from anomaly_vae_pipelines.alerting.config.sink_sections import SINKS
from anomaly_vae_pipelines.alerting.delivery.sinks import Sink
from anomaly_vae_pipelines.alerting.rules.base import Rule
from anomaly_vae_pipelines.alerting.rules.limits import CalibrationScores
from anomaly_vae_pipelines.alerting.rules.silencing import Silence, Silencer
from anomaly_vae_pipelines.alerting.times import Clock
from anomaly_vae_pipelines.io.toml import load_toml

Tables = list[dict[str, Any]]


class DeliverySection(Section):
    """The keys of the file that say how alerts travel."""

    sink: Annotated[Tables, Field(min_length=1, description="at least one table [[sink]]")]
    spool: Text | None = None
    patience: Seconds = 30.0


class AlertingSection(DeliverySection):
    """All keys of the file; each rule and sink is a section of its own."""

    rule: Annotated[Tables, Field(min_length=1, description="at least one table [[rule]]")]
    silence: Annotated[Tables, Field(default_factory=list, description="tables [[silence]]")]
    time: Text | None = None
    key: Names = ()
    id: Names = ()
    cooldown: Seconds = 3600.0


@dataclass(frozen=True)
class Config:
    """What a file of rules says.

    Attributes
    ----------
    sinks : sequence of Sink
        Where alerts go.
    spool : Path or None
        Directory of alerts that wait for a sink.
    patience : float
        Seconds that the end of a run waits for sinks that fail.
    rules : sequence of Rule
        What is looked for; empty where only the sinks were read.
    time : str or None
        Column with the time of a row; without it the clock counts.
    ids : tuple of str
        Columns by which people know a row.
    silences : sequence of Silence
        Matches that raise no alert.
    """

    sinks: Sequence[Sink]
    spool: Path | None
    patience: float
    rules: Sequence[Rule] = ()
    time: str | None = None
    ids: tuple[str, ...] = ()
    silences: Sequence[Silence] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the input that rules, keys, times, silences and ids are read from."""
        time = () if self.time is None else (self.time,)
        of_rules = (name for rule in self.rules for name in rule.columns)
        return tuple(dict.fromkeys([*time, *of_rules, *Silencer(self.silences).columns, *self.ids]))


def read_config(
    path: Path, environ: Mapping[str, str], calibration: CalibrationScores, clock: Clock
) -> Config:
    """What the file says; raises InputError for a mistake in it."""
    values = load_toml(path)
    section, rules = read_section(AlertingSection, values, str(path)), []
    for table, where in rule_tables(values, path):
        rule = read_kind(RULES, table, where)
        with located(where):
            rules.append(rule.rule(calibration, clock))
    silences = []
    for silence, where in silences_of(values, path):
        with located(where):
            check_applies(silence, rules)
        silences.append(silence)
    _check_unique(f"{path}: rule", (rule.name for rule in rules))
    config = _delivery(section, values, path, environ)
    return replace(config, rules=rules, time=section.time, ids=section.id, silences=silences)


def read_delivery(path: Path, environ: Mapping[str, str]) -> Config:
    """What the file says of sinks, whatever its rules are; raises InputError for a mistake in them."""
    values = load_toml(path)
    return _delivery(read_known(DeliverySection, values, str(path)), values, path, environ)


def rule_tables(values: Mapping[str, Any], path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """The table of each rule, with the defaults of the file, and what messages call it."""
    defaults = {key: values[key] for key in ("key", "cooldown") if key in values}
    return ((defaults | table, where) for table, where in _numbered(values, "rule", path))


def silences_of(values: Mapping[str, Any], path: Path) -> Iterator[tuple[Silence, str]]:
    """Each silence, and what messages call it; raises InputError for a mistake in one."""
    for table, where in _numbered({"silence": values.get("silence", [])}, "silence", path):
        yield read_section(SilenceTable, table, where).silence, where


def sink_tables(values: Mapping[str, Any], path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """The table of each sink, whose name is its kind unless it has one, and what messages call it."""
    return (({"name": table.get("kind")} | table, where) for table, where in _numbered(values, "sink", path))


def _numbered(values: Mapping[str, Any], what: str, path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    for number, table in enumerate(values[what], start=1):
        name = f" {table['name']!r}" if "name" in table else ""
        yield table, f"{path}, {what} {number}{name}"


def _delivery(
    section: DeliverySection, values: Mapping[str, Any], path: Path, environ: Mapping[str, str]
) -> Config:
    sinks: list[Sink] = []
    for table, where in sink_tables(values, path):
        sink = read_kind(SINKS, table, where)
        with located(where):
            sinks += sink.sinks(environ)
    _check_unique(f"{path}: sink", (sink.name for sink in sinks))
    return Config(sinks, Path(section.spool) if section.spool else None, section.patience)


def _check_unique(where: str, names: Iterable[str]) -> None:
    doubles = [name for name, count in Counter(names).items() if count > 1]
    if doubles:
        raise InputError(f"{where} {doubles[0]!r} is there more than once; give each its own name")
