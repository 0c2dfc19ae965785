"""Write ``docs/reference/cli.md``, the reference of the command line, from the commands themselves.

    python docs/generate_cli.py

A test compares the page with the commands, so it cannot fall behind.
"""

from __future__ import annotations

import inspect
import textwrap
from pathlib import Path

import click

from anomaly_vae_pipelines.cli.main import COMMANDS, cli

PAGE = Path(__file__).with_name("reference") / "cli.md"

_NOTICE = "<!-- Written by docs/generate_cli.py from the commands; change those, not this page. -->"


def reference() -> str:
    """The page in Markdown: what the program is, then one section a command."""
    context = click.Context(cli, info_name="anomaly-vae")
    sections = [_NOTICE, "# The command line", *_paragraphs(cli), _option_table(cli, context)]
    for name in COMMANDS:
        sections += _command_section(cli, name, context)
    return "\n\n".join(sections) + "\n"


def _command_section(group: click.Group, name: str, parent: click.Context) -> list[str]:
    """The section of a command; a group is followed by the sections of its commands."""
    command = group.get_command(parent, name)
    if command is None:
        raise LookupError(name)
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    title = context.command_path.removeprefix("anomaly-vae ")
    section = [f"## {title}", f"    {usage}", *_paragraphs(command)]
    if isinstance(command, click.Group):
        names = command.list_commands(context)
        return section + [part for name in names for part in _command_section(command, name, context)]
    has_options = any(isinstance(option, click.Option) for option in command.params)
    return [*section, _option_table(command, context)] if has_options else section


def _paragraphs(command: click.Command) -> list[str]:
    """The help of a command; what click does not rewrap becomes a block of code."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return [_code(text) if text.startswith("\b") else text for text in paragraphs]


def _code(text: str) -> str:
    return textwrap.indent(textwrap.dedent(text.removeprefix("\b\n")), "    ")


def _option_table(command: click.Command, context: click.Context) -> str:
    options = [option for option in command.params if isinstance(option, click.Option)]
    rows = [f"| {_flags(option, context)} | {_meaning(option)} |" for option in options]
    return "\n".join(["| option | meaning |", "|---|---|", *rows])


def _flags(option: click.Option, context: click.Context) -> str:
    value = "" if option.is_flag else " " + option.make_metavar(context)
    return ", ".join(f"`{flag}{value}`" for flag in [*option.opts, *option.secondary_opts]).replace(
        "|", "\\|"
    )


def _meaning(option: click.Option) -> str:
    words = [" ".join((option.help or "").split())]
    if option.required:
        words.append("Required.")
    if option.show_default:
        words.append(f"[default: {option.default}]")
    return " ".join(words).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
