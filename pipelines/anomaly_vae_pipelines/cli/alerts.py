"""``anomaly-vae alerts``: check rules and sinks, see which alerts wait, and send them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from anomaly_vae_pipelines.cli.exit_codes import DONE, FAILURE, report_problems
from anomaly_vae_pipelines.cli.options import json_option, only_one
from anomaly_vae_pipelines.cli.printing import echo_json, echo_table, printable
from anomaly_vae_pipelines.plurals import counted

if TYPE_CHECKING:
    from anomaly_vae_pipelines.alerting.config.reading import Config
    from anomaly_vae_pipelines.alerting.maintenance.status import Silenced, SilenceStatus, SinkStatus
    from anomaly_vae_pipelines.alerting.rules.base import Rule

F = TypeVar("F", bound=Callable[..., Any])

MAX_SILENCED = 20
"""Keys in a cool-down that are printed; JSON has all of them."""


@click.group("alerts")
def command() -> None:
    """Check rules and sinks, and see whether alerts were delivered.

    RULES is the TOML file that you give to score and watch as --alerts.
    """


def owner_options(command: F) -> F:
    """``--alert-state`` and ``--checkpoint``: the run whose alerts are meant."""
    state = "The --alert-state of score. [default: RULES.state]"
    checkpoint = "The --checkpoint of a watch, for its alerts; the default of watch is .SOURCE.watch."
    of_watch = click.option("--checkpoint", metavar="FILE", help=checkpoint)
    return click.option("--alert-state", metavar="FILE", help=state)(of_watch(command))


@command.command("check")
@click.argument("rules")
@click.argument("model")
def check(rules: str, model: str) -> None:
    """Check RULES for MODEL, and show what each rule means for it.

    The table shows what a rule fires on, how often normal rows make it fire, and which sinks get its alerts.
    The exit code is 2 if there is a mistake, an environment variable is not set, or a rule can never fire for
    this model. Nothing is sent.
    """
    import os

    from anomaly_vae.persistence import load_scorer
    from anomaly_vae_pipelines.alerting.config.reading import read_config
    from anomaly_vae_pipelines.alerting.rules.limits import CalibrationScores
    from anomaly_vae_pipelines.alerting.times import Clock
    from anomaly_vae_pipelines.runs.alerter import calibration_of
    from anomaly_vae_pipelines.scoring.tables import final_detector

    detector = final_detector(load_scorer(model))
    known = calibration_of(detector)
    names = ("calibration_scores", "offset", "calibration_rows", "n_of_key")
    calibration = CalibrationScores(*map(known.get, names))
    config = read_config(Path(rules), os.environ, calibration, Clock())
    _show_rules(f"{rules} for {model}, which has {calibration.n_rows:,} held-out rows:", config)


@command.command("test")
@click.argument("rules")
def send_tests(rules: str) -> int:
    """Send a test alert to each sink of RULES.

    The alert says that it is a test. It goes to every sink, whatever severity the sink accepts. The exit code
    is 1 if a sink fails.
    """
    from anomaly_vae_pipelines.alerting.maintenance.trial import try_sinks

    code = DONE
    for trial in try_sinks(Path(rules)):
        how = f"delivered in {trial.seconds:.2f} s" if trial.problem is None else f"failed: {trial.problem}"
        click.echo(printable(f"{trial.sink} ({trial.kind}): {how}"), err=True)
        code = code if trial.problem is None else FAILURE
    return code


@command.command("status")
@click.argument("rules")
@owner_options
@json_option
def status(rules: str, alert_state: str | None, checkpoint: str | None, as_json: bool) -> None:
    """Show how many alerts wait for the sinks of RULES.

    It also shows the last delivery and the last error of each sink, what is in a cool-down, and what each
    silence took. It only reads files, so it works during a run, and needs no secrets.
    """
    from anomaly_vae_pipelines.alerting.maintenance.status import read_status

    owner = _owner(rules, alert_state, checkpoint)
    found = read_status(Path(rules), owner, is_checkpoint=checkpoint is not None)
    if as_json:
        echo_json(asdict(found))
        return
    click.echo(printable(f"alerts wait in {found.spool}"))
    names = ("sink", "waiting", "refused", "last delivery", "last error")
    echo_table(names, map(_sink_row, found.sinks), overflow="fold")
    _show_silenced(found.silenced)
    _show_silences(found.silences)


@command.command("resend")
@click.argument("rules")
@owner_options
@click.option("--refused", is_flag=True, help="Also send alerts again that a receiver refused.")
def send_again(rules: str, alert_state: str | None, checkpoint: str | None, refused: bool) -> int:
    """Send the alerts that wait for the sinks of RULES now.

    It tries for as long as patience in RULES. The exit code is 1 if alerts still wait after that, or are
    refused.
    """
    from anomaly_vae_pipelines.alerting.maintenance.resending import resend

    done = resend(Path(rules), _owner(rules, alert_state, checkpoint), refused=refused)
    for sink, n_delivered in done.n_delivered.items():
        click.echo(printable(f"{sink}: {counted(n_delivered, 'alert')} delivered"), err=True)
    return report_problems(done.problems, only_warn=False)


def _owner(rules: str, alert_state: str | None, checkpoint: str | None) -> Path:
    """The file beside which the alerts of a run wait."""
    only_one(click.get_current_context(), "alert_state", "checkpoint")
    return Path(checkpoint or alert_state or f"{rules}.state")


def _show_rules(title: str, config: Config) -> None:
    from anomaly_vae_pipelines.alerting.times import duration_text

    rows = [
        (
            rule.name,
            rule.meaning,
            rule.false_alarms or "unknown",
            ", ".join(rule.options.key) or "none",
            duration_text(rule.options.cooldown),
            f"{rule.options.severity}: {_receivers(rule, config)}",
        )
        for rule in config.rules
    ]
    click.echo(printable(title))
    names = ("rule", "fires on", "normal rows", "key", "cooldown", "severity: sinks")
    echo_table(names, rows, overflow="fold")


def _receivers(rule: Rule, config: Config) -> str:
    return ", ".join(sink.name for sink in config.sinks if sink.accepts(rule.options.severity)) or "no sink"


def _sink_row(sink: SinkStatus) -> tuple[str, ...]:
    waiting = f"{sink.n_waiting:,}" + (f", the oldest of {sink.oldest}" if sink.oldest else "")
    error = f"{sink.error} ({sink.failed})" if sink.error else "none"
    return sink.sink, waiting, f"{sink.n_refused:,}", sink.delivered or "never", error


def _show_silenced(silenced: Any) -> None:
    if not silenced:
        click.echo("nothing is in a cool-down")
        return
    rows = map(_silenced_row, silenced[:MAX_SILENCED])
    echo_table(("in a cool-down", "key", "until"), rows, overflow="fold")
    if len(silenced) > MAX_SILENCED:
        click.echo(f"{len(silenced) - MAX_SILENCED:,} more (--json shows all)")


def _show_silences(silences: Sequence[SilenceStatus]) -> None:
    if silences:
        names = ("silence", "by", "matchers", "until", "silenced", "last")
        echo_table(names, map(_silence_row, silences), overflow="fold")


def _silence_row(silence: SilenceStatus) -> tuple[str, ...]:
    until = f"{silence.ends_at} ({silence.status})"
    last = f"{silence.what} ({silence.last})" if silence.last else "none"
    matchers = ", ".join(silence.matchers)
    return silence.comment, silence.created_by, matchers, until, f"{silence.n_silenced:,}", last


def _silenced_row(silenced: Silenced) -> tuple[str, ...]:
    key = ", ".join(f"{name}={value}" for name, value in silenced.key.items())
    return silenced.rule, key or "none", silenced.until
