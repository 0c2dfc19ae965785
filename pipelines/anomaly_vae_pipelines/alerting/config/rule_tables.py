"""Rules as they stand in a TOML file: each table ``[[rule]]`` becomes one object.

Every rule has ``name`` and ``kind``, and may have ``severity`` (info, warning, critical), ``key`` and
``cooldown``. Beside those:

    score     below = -50.0 (nats), or p_value = 0.01; else what the model calls an anomaly
    run       k = 3, n = 5; below or p_value
    share     share = 0.05; window, least; below or p_value
    drift     effect = 0.1, p_value = 1e-3; window, least
    missing   columns = ["amount"], share = 0.1; window, least
    silence   after = "10m"

``tail = "gpd"`` beside ``p_value`` estimates p-values that are smaller than the held-out rows of the model
can show. ``window`` is a duration or a number of rows; without it the whole run is one window. ``least`` is
how many rows it must have to be judged. A rule that can never fire for the model is refused (``reach``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from anomaly_vae.errors import InputError
from anomaly_vae.tails import LowerTail
from anomaly_vae_pipelines.alerting.config.reach import (
    check_below,
    check_drift,
    check_p_value,
    check_silence,
    check_threshold,
)
from anomaly_vae_pipelines.alerting.config.toml import Table
from anomaly_vae_pipelines.alerting.records import SEVERITIES
from anomaly_vae_pipelines.alerting.rules.base import Name, Rule, RunRule, ScoreRule
from anomaly_vae_pipelines.alerting.rules.drift import Reference
from anomaly_vae_pipelines.alerting.rules.limits import Calibration, Line
from anomaly_vae_pipelines.alerting.rules.silence import SilenceRule
from anomaly_vae_pipelines.alerting.rules.windowed import DriftRule, MissingRule, ShareRule
from anomaly_vae_pipelines.alerting.rules.windows import Window
from anomaly_vae_pipelines.alerting.times import Clock

T = TypeVar("T")

COOLDOWN = 3600.0
"""Seconds, where neither the rule nor the file says any."""

LEAST = 100
"""Rows that a window must have to be judged, unless the rule says how many, or it is shorter."""


@dataclass(frozen=True)
class Defaults:
    """What a rule has unless it says otherwise, and what it may need to know.

    Attributes
    ----------
    key, cooldown : tuple of str, float
        Key columns, and the cool-down in seconds.
    calibration : Calibration
        What is known of normal rows.
    clock : Clock
        For silence.
    """

    key: tuple[str, ...]
    cooldown: float
    calibration: Calibration
    clock: Clock


def read_rule(table: Table, defaults: Defaults) -> Rule:
    """The rule of a table; raises InputError for what isn't right in it."""
    kind = table.choice("kind", _KINDS)
    if kind is None:
        raise table.missing("kind", f"one of {', '.join(_KINDS)}")
    rule = _KINDS[kind](table, read_name(table, defaults), defaults)
    table.done()
    return rule


def read_name(table: Table, defaults: Defaults) -> Name:
    """What every rule has; raises InputError for what isn't right in it."""
    name = table.text("name")
    if name is None:
        raise table.missing("name", "a name that no other rule has")
    key, cooldown = table.names("key"), table.seconds("cooldown")
    return Name(
        name,
        table.choice("severity", SEVERITIES) or "warning",
        defaults.key if key is None else key,
        defaults.cooldown if cooldown is None else cooldown,
    )


def _score(table: Table, name: Name, defaults: Defaults) -> Rule:
    return ScoreRule(name, _line(table, defaults))


def _run(table: Table, name: Name, defaults: Defaults) -> Rule:
    n = _needed(table.count("n"), table, "n", "the number of rows to look at, such as 5")
    k = _needed(table.count("k"), table, "k", "how many of the n rows have to count, such as 3")
    if k > n:
        raise table.mistake("k", f"at most n = {n}", k)
    return RunRule(name, _line(table, defaults), k, n)


def _share(table: Table, name: Name, defaults: Defaults) -> Rule:
    return ShareRule(name, _window(table), _line(table, defaults), _share_of(table))


def _drift(table: Table, name: Name, defaults: Defaults) -> Rule:
    scores = defaults.calibration.scores
    if scores is None or not len(scores):
        raise InputError(
            f"{table.where}: kind = 'drift' needs scores of calibration, and the model has none; "
            "fit it anew, or leave the rule out"
        )
    effect, p_value = table.number("effect", 0, 1), table.number("p_value", 0, 1)
    rule = DriftRule(
        name,
        _window(table),
        Reference(scores),
        0.1 if effect is None else effect,
        1e-3 if p_value is None else p_value,
    )
    check_drift(table.where, rule.p_value, rule.reference, rule.window)
    return rule


def _missing(table: Table, name: Name, defaults: Defaults) -> Rule:
    columns = table.names("columns")
    if not columns:
        raise table.missing("columns", 'the columns to look at, such as ["amount"]')
    return MissingRule(name, _window(table), columns, _share_of(table))


def _silence(table: Table, name: Name, defaults: Defaults) -> Rule:
    after = _needed(table.seconds("after"), table, "after", 'a duration such as "10m"')
    if after == 0:
        raise table.mistake("after", "a duration longer than 0", "0s")
    check_silence(table.where, after, name.key)
    return SilenceRule(name, after, defaults.clock)


def _line(table: Table, defaults: Defaults) -> Line:
    table.only_one("below", "p_value")
    below, calibration = table.number("below", float("-inf"), float("inf")), defaults.calibration
    p_value = table.number("p_value", 0, 1)
    line = Line(below, p_value, calibration, _tail(table, p_value, calibration))
    if below is not None:
        check_below(table.where, below)
    elif p_value is None:
        check_threshold(table.where, calibration)
    elif line.tail is None or p_value == 0:
        check_p_value(table.where, p_value, calibration)
    return line


def _tail(table: Table, p_value: float | None, calibration: Calibration) -> LowerTail | None:
    """What estimates small p-values, where the rule asks for it."""
    tail = table.choice("tail", ("empirical", "gpd"))
    if tail is not None and p_value is None:
        raise InputError(f"{table.where}: tail goes with p_value; give that too, or leave tail out")
    if tail != "gpd" or not calibration.n_rows:
        return None
    try:
        return calibration.tail()
    except InputError as error:
        raise InputError(f"{table.where}: {error}") from error


def _share_of(table: Table) -> float:
    share = _needed(table.number("share", 0, 1), table, "share", "a number over 0 and up to 1")
    if share == 0:
        raise table.mistake("share", "a number over 0 and up to 1", share)
    return share


def _window(table: Table) -> Window:
    """The window, a number of rows or a duration; by default it needs ``LEAST`` rows, fewer if shorter."""
    rows = table.count("window") if table.holds_number("window") else None
    seconds = None if rows is not None else table.seconds("window")
    if seconds == 0:
        raise table.mistake("window", "a duration longer than 0", "0s")
    least = table.count("least")
    if rows is not None and least is not None and least > rows:
        raise table.mistake("least", f"at most the {rows} rows of the window", least)
    return Window(rows, seconds, min(LEAST, rows or LEAST) if least is None else least)


def _needed(value: T | None, table: Table, key: str, wanted: str) -> T:
    if value is None:
        raise table.missing(key, wanted)
    return value


_KINDS: dict[str, Callable[[Table, Name, Defaults], Rule]] = {
    "score": _score,
    "run": _run,
    "share": _share,
    "drift": _drift,
    "missing": _missing,
    "silence": _silence,
}
