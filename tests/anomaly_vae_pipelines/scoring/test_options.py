"""Options of a scoring run."""

from __future__ import annotations

import dataclasses

import pytest

from anomaly_vae_pipelines.cli.score import command
from anomaly_vae_pipelines.scoring.options import ScoreOptions


@pytest.mark.parametrize("field", dataclasses.fields(ScoreOptions), ids=lambda field: field.name)
def test_every_option_is_one_of_the_command_with_the_same_default(field):
    """The command passes its options on by name. (``jobs`` without a number is one thread per core.)"""
    (option,) = [option for option in command.params if option.name == field.name]
    context = command.make_context("score", ["model", "in.csv", "-o", "out.csv"])
    assert context.params[option.name] == field.default
