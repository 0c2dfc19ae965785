"""The group of commands and its entry point.

A command's module is imported when the command is asked for, and whatever is heavy (torch, pandas,
scikit-learn) only when a command runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import atexit
import gc
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from anomaly_vae._version import __version__
from anomaly_vae_pipelines.cli.exit_codes import PROGRAM, quiet_without_reader, run_to_its_end
from anomaly_vae_pipelines.errors import UnknownNameError

COMMANDS = ("fit", "score", "watch", "alerts", "serve", "evaluate", "inspect", "threshold", "sample", "demo")
"""In the order in which a reader meets them."""


class Commands(click.Group):
    """Commands that live in modules of their own name, and end as ``endings`` says."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, imported now; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"anomaly_vae_pipelines.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; raises UnknownNameError with the nearest name for a command that is not there."""
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise UnknownNameError(f"there is no command {args[0]!r}", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; if whoever reads its output leaves, it ends early and quietly."""
        with quiet_without_reader():
            return super().invoke(ctx)

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run, say in one line what went wrong if something did, and exit with its code."""
        extra |= {"prog_name": PROGRAM, "standalone_mode": False}
        sys.exit(run_to_its_end(lambda: super(Commands, self).main(*args, **extra)))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name=PROGRAM)
def cli() -> None:
    """Find the rows of a table, or the images, that do not look like the others, and say why.

    Fit a variational autoencoder on a file of rows or a folder of images, then score others with it. A
    score is in nats, a lower bound on a log probability: higher is more normal. Where a file of rows is
    asked for, - is standard input or output; .gz, .bz2 and .zst are compressed.

    \b
        anomaly-vae demo
        anomaly-vae fit train.csv -o model.avae
        anomaly-vae score model.avae new.csv -o scored.csv
        anomaly-vae fit good/ -o parts.avae
        anomaly-vae score parts.avae new/ -o scored.csv --heatmaps maps/

    Exit codes: 0 done; 1 failure, such as a full disk or an alert that could not be delivered; 2 bad
    usage or bad input; 3 an alert was raised (--fail-on-alert). Set ANOMALY_VAE_DEBUG=1 to see where
    an error comes from.
    """  # noqa: D301 (click wants the control character)


def main() -> NoReturn:
    """The console script ``anomaly-vae``.

    Of the time a short command takes, a fifth went to garbage collections that found nothing: while torch and
    scikit-learn are imported, and once more when all of it is taken down. Rarer ones would save more,
    and cost a service 40 MB.
    """
    gc.set_threshold(5_000)
    atexit.register(gc.freeze)
    cli.main()
