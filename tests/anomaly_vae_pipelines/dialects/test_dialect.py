"""A dialect and what the user said about it."""

from __future__ import annotations

from dataclasses import fields

import pytest

from anomaly_vae_pipelines.dialects.dialect import NOTHING, PLAIN, Dialect, Given, is_comment

GERMAN = Dialect(separator=";", decimal=",", thousands=".", encoding="cp1252", missing=("?",), header=False)


@pytest.mark.parametrize("dialect", [PLAIN, GERMAN])
def test_a_dialect_comes_back_from_json(dialect):
    """What is stored is what differs from plain CSV, so plain CSV is empty."""
    assert Dialect.from_json(dialect.as_json()) == dialect
    assert bool(dialect.as_json()) == (dialect != PLAIN)


def test_what_the_user_said_comes_first():
    """Each option replaces one attribute; nothing said changes nothing."""
    assert NOTHING.applied(GERMAN) == GERMAN
    said = Given(separator="|", header=True, missing=("-",)).applied(GERMAN)
    assert said == Dialect(separator="|", decimal=",", thousands=".", encoding="cp1252", missing=("-",))


def test_options_about_text_are_attributes_of_the_dialect():
    """An option that no dialect has would be ignored."""
    options = {field.name for field in fields(Given)} - {"day_first", "sheet", "columns", "bounds", "kinds"}
    assert options <= {field.name for field in fields(Dialect)}


def test_an_error_of_excel_is_no_comment():
    """A row that starts with #N/A is a row."""
    assert is_comment("# a", "#")
    assert not is_comment("#N/A,0", "#")
    assert not is_comment("a", "")
