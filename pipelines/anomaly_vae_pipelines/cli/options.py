"""Options that several commands have, each as a decorator, and the configuration file."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from anomaly_vae_pipelines.errors import UnknownNameError
from anomaly_vae_pipelines.io.toml import load_toml
from anomaly_vae_pipelines.records import Label

if TYPE_CHECKING:
    from anomaly_vae.tails import Tail

    _SizeType = click.ParamType[tuple[int, int]]
else:
    _SizeType = click.ParamType

F = TypeVar("F", bound=Callable[..., Any])

CONFIG_FILE = "config"
"""Key of the path of the configuration file in ``ctx.meta``."""

COMMAND_LINE = "command line"
"""Key of the command line in ``ctx.meta``."""

DETECTOR_TABLE = "detector"
"""Table of the configuration file that has parameters of the detector."""

Share = click.FloatRange(0, 1, min_open=True, max_open=True)
"""A rate, greater than 0 and less than 1."""

Minority = click.FloatRange(0, 0.5, min_open=True)
"""A share of rows to flag, greater than 0 and at most a half."""

Positive = click.FloatRange(0, min_open=True)
Format = click.Choice(["csv", "jsonl", "parquet", "arrow", "excel"])
OutputFormat = click.Choice(["csv", "jsonl", "parquet"])


class ImageSize(_SizeType):
    """Height and width as ``HxW``."""

    name = "HxW"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Convert ``HxW`` to a pair; a pair is returned unchanged."""
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"([1-9][0-9]{0,4})\s*[xX×]\s*([1-9][0-9]{0,4})", str(value).strip())
        if found is None:
            self.fail(f"wanted height x width in pixels, such as 128x128, got {value!r}", param, ctx)
        return int(found[1]), int(found[2])


def output_option(metavar: str, text: str) -> Callable[[F], F]:
    """``-o/--output`` and ``--force``: the output, and whether it may replace a file."""

    def decorate(command: F) -> F:
        force = click.option("--force", is_flag=True, help="Replace the output if it exists.")
        output = click.option("-o", "--output", required=True, metavar=metavar, help=text)
        return output(force(command))

    return decorate


model_output_option = output_option("MODEL", "File to save the model to.")


def label_options(text: str) -> Callable[[F], F]:
    """``--label`` and ``--normal``: a column of labels, and its value for normal rows."""

    def decorate(command: F) -> F:
        value = "Value of the label column in normal rows; all other values mean anomalous."
        normal = click.option("--normal", metavar="VALUE", help=value)
        return click.option("--label", metavar="COL", help=text)(normal(command))

    return decorate


def gate_option(about_old: str) -> Callable[[F], F]:
    """``--gate``: conditions on metrics, without which the exit code is 1."""
    text = f"Conditions, separated by commas; the exit code is 1 unless all hold. {about_old}"
    return click.option("--gate", metavar="EXPR", help=text)


tail_option = click.option(
    "--tail",
    type=click.Choice(["empirical", "gpd"]),
    help="What to do if there are too few held-out rows to guarantee the false-alarm rate: report an error "
    "(empirical), or estimate it from a generalised Pareto tail of the scores (gpd). [default: empirical]",
)
seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    metavar="N",
    help="Random seed; the same seed gives the same result. [default: 0]",
)
progress_option = click.option(
    "--verbose/--quiet",
    default=None,
    help="Whether to show a progress bar on stderr. [default: only on a terminal]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def alert_options(command: F) -> F:
    """``--id`` and ``--alerts-may-wait``: how alerts identify rows, and whether all must be delivered."""
    ids = "Column that identifies a row in alerts, besides its line. Repeatable. [default: id in RULES]"
    wait = "Only warn about alerts that could not be delivered, instead of ending with exit code 1."
    waiting = click.option("--alerts-may-wait", is_flag=True, help=wait)
    return click.option("--id", "ids", multiple=True, metavar="COLUMN", help=ids)(waiting(command))


def config_option(command: F) -> F:
    """``--config``: a TOML file of options and detector parameters."""
    return click.option(
        "--config",
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        callback=_read_config,
        help="TOML file: its keys are the long names of these options; its table [detector] has parameters "
        "of TabularVAEDetector or ImageVAEDetector. The command line takes precedence.",
    )(command)


def both_of(label: str | None, normal: str | None) -> Label | None:
    """Return the label of ``--label`` and ``--normal``; raises UsageError if only one is given."""
    if (label is None) != (normal is None):
        raise click.UsageError("Give --label and --normal together.", click.get_current_context())
    return None if label is None or normal is None else Label(label, normal)


def command_line() -> str | None:
    """Return the command line that is run, for the history in a model file."""
    line: str | None = click.get_current_context().meta.get(COMMAND_LINE)
    return line


def wants_progress(verbose: bool | None) -> bool:
    """Return ``verbose``; if None, whether stderr is a terminal."""
    return sys.stderr.isatty() if verbose is None else verbose


def tail_of(ctx: click.Context, tail: Tail | None, threshold: Mapping[str, Any]) -> Tail:
    """Return ``--tail``; raises UsageError if the threshold is not set by a false-alarm rate."""
    if tail is not None and not {"false_alarm_rate", "alerts_per_day"} & set(threshold):
        raise click.UsageError("--tail needs a false-alarm rate; add one, or leave out --tail.", ctx)
    return tail or "empirical"


def detector_table(ctx: click.Context) -> dict[str, Any]:
    """Return the detector parameters of the configuration file, empty without one."""
    table: dict[str, Any] = ctx.meta.get(DETECTOR_TABLE, {})
    return table


def only_one(ctx: click.Context, *names: str) -> dict[str, Any]:
    """Return the given one of several exclusive options, as a dictionary with at most one entry.

    The command line takes precedence over the configuration file. Raises UsageError if several are given in
    the same place.
    """
    given = [name for name in names if ctx.params[name] is not None]
    typed = [name for name in given if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    chosen = typed or given
    if len(chosen) > 1:
        raise click.UsageError(f"Give only one of {_flags(chosen)}.", ctx)
    return {name: ctx.params[name] for name in chosen}


def exactly_one(ctx: click.Context, *names: str) -> dict[str, Any]:
    """Return the given option like ``only_one``; raises UsageError if none is given."""
    chosen = only_one(ctx, *names)
    if not chosen:
        raise click.UsageError(f"Give one of {_flags(names)}.", ctx)
    return chosen


def refuse_together(ctx: click.Context, names: Iterable[str], other: str) -> None:
    """Raise UsageError for the first of some parameters that was given together with an option."""
    for parameter in ctx.command.params:
        if (
            parameter.name in names
            and ctx.get_parameter_source(parameter.name) is not ParameterSource.DEFAULT
        ):
            raise click.UsageError(f"{parameter.opts[0]} cannot be used with {other}.", ctx)


def _flags(names: Iterable[str]) -> str:
    return ", ".join("--" + name.replace("_", "-") for name in names)


def _read_config(ctx: click.Context, _: click.Parameter, path: str | None) -> None:
    """Use the values of a file as the defaults of the options of the command."""
    if path is None:
        return
    values = {key.replace("-", "_"): value for key, value in load_toml(path).items()}
    detector = values.pop(DETECTOR_TABLE, {})
    if not isinstance(detector, dict):
        raise click.BadParameter(f"{path}: wanted a table [{DETECTOR_TABLE}], got {detector!r}")
    options = _options_by_key(ctx.command)
    for key in values:
        if key not in options:
            problem = f"{path}: {ctx.info_name} has no option {key!r}"
            raise UnknownNameError(problem, key, [*options, DETECTOR_TABLE])
    ctx.meta[DETECTOR_TABLE], ctx.meta[CONFIG_FILE] = detector, path
    ctx.default_map = {str(options[key].name): _value(options[key], value) for key, value in values.items()}


def _options_by_key(command: click.Command) -> dict[str, click.Option]:
    """Return the options by the name of their long flag, spelled as a key of the file."""
    return {
        flag[2:].replace("-", "_"): option
        for option in command.params
        if isinstance(option, click.Option) and option.name != "config"
        for flag in option.opts
        if flag.startswith("--")
    }


def _value(option: click.Option, value: Any) -> Any:
    """Return a value as click needs it: a list if the option is repeatable."""
    return [value] if option.multiple and not isinstance(value, list) else value
