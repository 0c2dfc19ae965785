"""The group of commands and its entry point.

The module of a command is imported when the command is used, and large packages (torch, pandas, scikit-learn)
only when a command runs, so that ``--help`` is fast.
"""

from __future__ import annotations

import atexit
import gc
import re
import shlex
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from anomaly_vae._version import __version__
from anomaly_vae_pipelines.cli.exit_codes import PROGRAM, exit_code_of, stop_on_closed_output
from anomaly_vae_pipelines.cli.options import COMMAND_LINE
from anomaly_vae_pipelines.errors import UnknownNameError

COMMANDS = (
    "check", "fit", "score", "watch", "alerts", "serve", "evaluate", "compare", "drift", "report", "card",
    "verdicts", "learn", "inspect", "threshold", "export", "sample", "demo",
)  # fmt: skip
"""Names of the commands, in the order of the help."""


class Commands(click.Group):
    """Commands, each in the module of its name, with the exit codes of ``exit_codes``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"anomaly_vae_pipelines.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a command as click does; raises UnknownNameError if there is none of that name."""
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise UnknownNameError(f"there is no command {args[0]!r}", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Make a context as click does, which keeps the command line."""
        command = shlex.join([PROGRAM, *map(_without_password, args)])
        ctx = super().make_context(info_name, args, parent, **extra)
        ctx.meta[COMMAND_LINE] = command
        return ctx

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; it ends silently if the reader of its output closes it."""
        with stop_on_closed_output():
            return super().invoke(ctx)

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run a command, print an error in one line, and exit with its code."""
        extra |= {"prog_name": PROGRAM, "standalone_mode": False}
        sys.exit(exit_code_of(lambda: super(Commands, self).main(*args, **extra)))


def _without_password(argument: str) -> str:
    """An argument without the user and the password of a URL."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", argument)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name=PROGRAM)
def cli() -> None:
    """Detect anomalous rows of tables and anomalous images, and explain them.

    Fit a variational autoencoder on a file of rows or a folder of images, then use it to score other rows
    or images. A score is a lower bound on a log probability, in nats: higher is more normal. Files of rows
    may be compressed (.gz, .bz2, .zst); - is standard input or output.

    \b
        anomaly-vae demo
        anomaly-vae fit train.csv -o model.avae
        anomaly-vae score model.avae new.csv -o scored.csv
        anomaly-vae fit good/ -o parts.avae
        anomaly-vae score parts.avae new/ -o scored.csv --heatmaps maps/

    Exit codes: 0 success; 1 failure, such as a full disk or an alert that could not be delivered; 2 bad
    usage or bad input; 3 an alert was raised (with --fail-on-alert). Set ANOMALY_VAE_DEBUG=1 to get a
    stack trace of an error.
    """  # noqa: D301 (click wants the control character)


def main() -> NoReturn:
    """Run the console script ``anomaly-vae``.

    A short command spent a fifth of its time on garbage collections that freed nothing, during the imports of
    torch and scikit-learn and at exit. A higher threshold would save more time, but cost the service 40 MB.
    """
    gc.set_threshold(5_000)
    atexit.register(gc.freeze)
    cli.main()
