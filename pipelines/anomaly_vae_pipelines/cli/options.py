"""Options that commands share, each a decorator, and the configuration file."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import UnknownNameError
from anomaly_vae_pipelines.io.toml import load_toml
from anomaly_vae_pipelines.records import Label

if TYPE_CHECKING:
    from anomaly_vae.tails import Tail

F = TypeVar("F", bound=Callable[..., Any])

CONFIG_FILE = "config"
"""Key of the configuration file's path in what a context keeps."""

DETECTOR_TABLE = "detector"
"""Table of a configuration file whose keys are parameters of the detector."""

if TYPE_CHECKING:
    _SizeType = click.ParamType[tuple[int, int]]
else:
    _SizeType = click.ParamType

Share = click.FloatRange(0, 1, min_open=True, max_open=True)
"""A rate: neither never nor always."""


class ImageSize(_SizeType):
    """Height and width as ``HxW``."""

    name = "HxW"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """The pair; one that has been read already stays as it is."""
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"([1-9][0-9]{0,4})\s*[xX×]\s*([1-9][0-9]{0,4})", str(value).strip())
        if found is None:
            self.fail(f"wanted height x width in pixels, such as 128x128, got {value!r}", param, ctx)
        return int(found[1]), int(found[2])


def output_option(metavar: str, text: str) -> Callable[[F], F]:
    """``-o/--output`` and ``--force``: where the result goes, and whether it may replace a file."""

    def decorate(command: F) -> F:
        force = click.option("--force", is_flag=True, help="Replace the output if it exists.")
        output = click.option("-o", "--output", required=True, metavar=metavar, help=text)
        return output(force(command))

    return decorate


csv_output_option = output_option("OUT", "CSV file to write, whole or not at all; - is standard output.")
model_output_option = output_option("MODEL", "File to save the model to, whole or not at all.")


def label_options(*, required: bool, text: str) -> Callable[[F], F]:
    """``--label`` and ``--normal``: the column that says which rows are normal, and how."""

    def decorate(command: F) -> F:
        normal = click.option(
            "--normal", required=required, metavar="VALUE", help="Text of the label that means normal."
        )
        label = click.option("--label", required=required, metavar="COL", help=text)
        return label(normal(command))

    return decorate


def tail_option(command: F) -> F:
    """``--tail``: what a false-alarm rate rests on."""
    text = (
        "What a rate rests on that the held-out rows are too few to promise: nothing, so that it is refused "
        "(empirical), or an estimate by a generalised Pareto tail of their scores (gpd). [default: empirical]"
    )
    return click.option("--tail", type=click.Choice(["empirical", "gpd"]), help=text)(command)


def seed_option(command: F) -> F:
    """``--seed``: the same seed gives the same result."""
    text = "Seed of all randomness; the same gives the same result. [default: 0]"
    return click.option("--seed", type=click.IntRange(0, 2**32 - 1), metavar="N", help=text)(command)


def progress_option(command: F) -> F:
    """``--verbose/--quiet``: whether a progress bar is drawn."""
    text = "Draw a progress bar on stderr; by default only on a terminal."
    return click.option("--verbose/--quiet", default=None, help=text)(command)


def json_option(command: F) -> F:
    """``--json``: the result for a program to read."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(command)


def alert_options(command: F) -> F:
    """``--id`` and ``--alerts-may-wait``: how alerts name rows, and whether all must be delivered."""
    ids = "Column by which alerts name a row, beside its line; repeatable. [default: id of RULES]"
    wait = "Only warn of alerts that a sink did not take; else they mean exit code 1."
    waiting = click.option("--alerts-may-wait", is_flag=True, help=wait)
    return click.option("--id", "ids", multiple=True, metavar="COLUMN", help=ids)(waiting(command))


def config_option(command: F) -> F:
    """``--config``: a TOML file with the command's options and a table of detector parameters."""
    return click.option(
        "--config",
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        callback=_read_config,
        help="TOML file: keys are names of these options, and a table [detector] holds parameters of "
        "TabularVAEDetector, or ImageVAEDetector. What is given on the command line wins.",
    )(command)


def both_of(label: str | None, normal: str | None) -> Label | None:
    """The label that ``--label`` and ``--normal`` name together; raises UsageError for one alone."""
    if (label is None) != (normal is None):
        raise click.UsageError("Give --label and --normal together.", click.get_current_context())
    return None if label is None or normal is None else Label(label, normal)


def wants_progress(verbose: bool | None) -> bool:
    """Whether to draw progress: as was asked, else on a terminal."""
    return sys.stderr.isatty() if verbose is None else verbose


def tail_of(ctx: click.Context, tail: Tail | None, threshold: Mapping[str, Any]) -> Tail:
    """What ``--tail`` says; raises UsageError where the threshold is not set by a rate."""
    if tail is not None and not {"false_alarm_rate", "alerts_per_day"} & set(threshold):
        raise click.UsageError("--tail goes with a false-alarm rate; give that too, or leave it out.", ctx)
    return tail or "empirical"


def detector_table(ctx: click.Context) -> dict[str, Any]:
    """Detector parameters of the configuration file; empty without one."""
    table: dict[str, Any] = ctx.meta.get(DETECTOR_TABLE, {})
    return table


def only_one(ctx: click.Context, *names: str) -> dict[str, Any]:
    """The one option of several that exclude each other, as a dictionary of at most one entry.

    What comes from the command line wins over the configuration file. Raises UsageError where
    several come from the same.
    """
    given = [name for name in names if ctx.params[name] is not None]
    typed = [name for name in given if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    chosen = typed or given
    if len(chosen) > 1:
        raise click.UsageError(f"Give only one of {_flags(chosen)}.", ctx)
    return {name: ctx.params[name] for name in chosen}


def exactly_one(ctx: click.Context, *names: str) -> dict[str, Any]:
    """As ``only_one``, but raises UsageError where none is given."""
    chosen = only_one(ctx, *names)
    if not chosen:
        raise click.UsageError(f"Give one of {_flags(names)}.", ctx)
    return chosen


def _flags(names: Iterable[str]) -> str:
    return ", ".join("--" + name.replace("_", "-") for name in names)


def _read_config(ctx: click.Context, _: click.Parameter, path: str | None) -> None:
    """Make a file's values the defaults of the command's options."""
    if path is None:
        return
    try:
        values = {key.replace("-", "_"): value for key, value in load_toml(path).items()}
    except InputError as error:
        raise click.BadParameter(str(error)) from error
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
    """Options by the name of their long flag, as keys of a file spell it."""
    return {
        flag[2:].replace("-", "_"): option
        for option in command.params
        if isinstance(option, click.Option) and option.name != "config"
        for flag in option.opts
        if flag.startswith("--")
    }


def _value(option: click.Option, value: Any) -> Any:
    """What click takes as a default: a list where the option may come several times."""
    return [value] if option.multiple and not isinstance(value, list) else value
