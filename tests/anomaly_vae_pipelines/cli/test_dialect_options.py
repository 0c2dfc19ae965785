"""The options about the text of tables."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from anomaly_vae_pipelines.cli.dialect_options import dialect_options, given_dialect
from anomaly_vae_pipelines.dialects.dialect import NOTHING, Given


def said(*arguments):
    found = []

    @click.command()
    @dialect_options
    @click.pass_context
    def command(ctx):
        found.append(given_dialect(ctx))

    result = CliRunner().invoke(command, arguments)
    return found[0] if found else result.output


def test_nothing_said_is_nothing_given():
    assert said() == NOTHING


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["--sep", ";"], Given(separator=";")),
        (["--sep", "tab"], Given(separator="\t")),
        (["--sep", "spaces"], Given(separator=" ")),
        (["--decimal", "comma"], Given(decimal=",")),
        (["--thousands", "'"], Given(thousands="'")),
        (["--encoding", "Latin-1"], Given(encoding="iso8859-1")),
        (["--no-header"], Given(header=False)),
        (["--header"], Given(header=True)),
        (["--na", "?", "--na=-999"], Given(missing=("?", "-999"))),
        (["--not-na", "NA"], Given(values=("NA",))),
        (["--day-first"], Given(day_first=True)),
        (["--month-first"], Given(day_first=False)),
        (["--sheet", "2"], Given(sheet="2")),
    ],
)
def test_each_option_says_one_thing(arguments, given):
    assert said(*arguments) == given


@pytest.mark.parametrize(
    "arguments",
    [["--sep", ";;"], ["--sep", '"'], ["--decimal", ";"], ["--thousands", "x"], ["--encoding", "no-such"]],
)
def test_other_values_are_refused(arguments):
    assert "Invalid value" in said(*arguments)
