"""A mistake in a section is reported with its position, what it must be, and the nearest name."""

from __future__ import annotations

import re
from typing import Annotated

import pytest
from pydantic import Field

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.config.sections import (
    Names,
    PositiveSeconds,
    Seconds,
    Section,
    Severity,
    Text,
    located,
    read_kind,
    read_known,
    read_section,
)
from anomaly_vae_pipelines.errors import UnknownNameError


class Example(Section):
    kind: str = ""
    name: Text
    width: Annotated[int, Field(ge=1, description="a whole number from 1")] | None = None
    severity: Severity = "info"
    wait: Seconds = 1.0
    end: PositiveSeconds = 1.0
    columns: Names = ()


def test_values_become_a_section():
    """Durations are seconds, and each name is there once."""
    section = read_section(
        Example, {"name": "a", "wait": "1.5m", "end": "1d", "columns": ["x", "y", "x"]}, "f"
    )
    assert (section.wait, section.end, section.columns, section.width) == (90.0, 86400.0, ("x", "y"), None)
    assert read_section(Example, {"name": "a", "wait": "0s"}, "f").wait == 0.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "f: name is missing; give a text that is not empty"),
        ({"name": ""}, "f: name must be a text that is not empty, got ''"),
        ({"name": 5}, "f: name must be a text that is not empty, got 5"),
        ({"name": "a", "width": 0}, "f: width must be a whole number from 1, got 0"),
        ({"name": "a", "width": True}, "f: width must be a whole number from 1, got True"),
        ({"name": "a", "width": 1.0}, "f: width must be a whole number from 1, got 1.0"),
        (
            {"name": "a", "severity": "critic"},
            "f: severity must be one of info, warning, critical, got 'critic'; did you mean 'critical'?",
        ),
        ({"name": "a", "severity": 1}, "f: severity must be one of info, warning, critical, got 1"),
        (
            {"name": "a", "columns": ["x", 5]},
            "f: columns must be a list of names such as [\"host\"], got ['x', 5]",
        ),
        ({"name": "a", "columns": "x"}, "f: columns must be a list of names such as [\"host\"], got 'x'"),
        ({"name": "a", "end": "0s"}, "f: end must be a duration longer than 0"),
        ({"name": "a", "wait": 5}, "f: wait must be a duration such as"),
        (
            {"nmae": "a"},
            "f: there is no key 'nmae', only kind, name, width, severity, wait, end, columns; did you",
        ),
    ],
)
def test_a_mistake_is_reported_with_what_is_wanted_and_what_is_there(values, message):
    """In one line, and without a trace of pydantic."""
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_section(Example, values, "f")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    names = {"severity", "nmae"} & values.keys() and values.get("severity") != 1
    assert isinstance(caught.value, UnknownNameError) == bool(names)


@pytest.mark.parametrize("kind", ["exmaple", 5, ["example"]])
def test_a_kind_is_one_of_those_that_exist(kind):
    """The message lists them."""
    assert read_kind({"example": Example}, {"kind": "example", "name": "a"}, "f").name == "a"
    with pytest.raises(InputError, match=f"f: kind must be one of example, got {re.escape(repr(kind))}"):
        read_kind({"example": Example}, {"kind": kind, "name": "a"}, "f")
    with pytest.raises(InputError, match="f: kind is missing; give one of example"):
        read_kind({"example": Example}, {"name": "a"}, "f")


def test_keys_of_other_sections_can_be_ignored():
    """Mistakes under known keys are reported all the same."""
    assert read_known(Example, {"name": "a", "unknown": 5}, "f").name == "a"
    with pytest.raises(InputError, match="f: name must be"):
        read_known(Example, {"name": 5, "unknown": 5}, "f")


def test_an_error_gets_its_position():
    """Only an error of the user."""
    with pytest.raises(InputError, match="^f: wrong$"), located("f"):
        raise InputError("wrong")
    with pytest.raises(KeyError), located("f"):
        raise KeyError
