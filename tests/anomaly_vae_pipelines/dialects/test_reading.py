"""A file in the dialect of the model is read in it, any other in its own, or a question is asked."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.dialects.dialect import NOTHING, PLAIN, Dialect, Given
from anomaly_vae_pipelines.dialects.forms import ColumnForm
from anomaly_vae_pipelines.dialects.numbers import NumberForm
from anomaly_vae_pipelines.dialects.reading import ANY, AS_PLAIN, TYPED, Reading, described
from anomaly_vae_pipelines.errors import AmbiguousError

GERMAN = Reading(
    NOTHING,
    Dialect(separator=";", decimal=",", thousands="."),
    {"a": ColumnForm(NumberForm(",", "."))},
    ("a", "b"),
)


def found(reading, text):
    return reading.of(text.encode(), "a.csv", is_cut=False)


def test_plain_text_with_the_names_of_the_model_is_not_searched():
    """The common case costs no time."""
    assert Reading(names=("a", "b")).plainly(b"a,b,c\n1,2,3\n") == AS_PLAIN
    assert Reading(names=("a", "x")).plainly(b"a,b,c\n1,2,3\n") is None
    assert ANY.plainly(b"a,b,c\n1,2,3\n") is None
    assert GERMAN.plainly(b"a,b\n1,2\n") is None


def test_a_file_of_the_models_dialect_is_read_in_it():
    read = found(GERMAN, "a;b\n1.234,5;x\n")
    assert (read.dialect.separator, read.dialect.marks, read.forms) == (";", (",", "."), GERMAN.forms)


def test_numbers_that_decide_nothing_are_read_as_the_model_reads_them():
    assert found(GERMAN, "a;b\n1.234;x\n").dialect.marks == (",", ".")


def test_a_file_of_another_dialect_is_read_in_its_own():
    """1.5 is not 15, and 1,234.5 is not an error."""
    read = found(GERMAN, 'a,b\n"1,234.5",x\n1.5,y\n')
    assert (read.dialect.separator, read.dialect.marks) == (",", (".", ","))
    assert read.forms == {"a": ColumnForm(NumberForm(".", ","))}


def test_what_the_user_said_comes_first():
    reading = Reading(Given(decimal="."), GERMAN.stored, GERMAN.forms, GERMAN.names)
    assert found(reading, "a;b\n1.5;x\n").dialect.decimal == "."


def test_a_file_that_is_not_plain_is_searched_for_a_fit():
    assert found(ANY, "a;b\n1,5;x\n").dialect == Dialect(separator=";", decimal=",")
    with pytest.raises(AmbiguousError):
        found(ANY, "1,5\n2,5\n")


def test_a_reading_comes_back_from_json():
    again = Reading.from_json(GERMAN.as_json(), GERMAN.names, NOTHING)
    assert again == GERMAN
    assert Reading.from_json(None, (), NOTHING).stored == PLAIN


def test_typed_files_have_no_marks():
    """A number in JSON or Parquet has a point, whatever the model was fitted on."""
    assert GERMAN.typed() == TYPED
    kilos = {"a": ColumnForm(NumberForm(suffix="kg"))}
    assert Reading(forms=kilos, stored=Dialect(missing=("?",))).typed() == (Dialect(missing=("?",)), kilos)


def test_a_reading_is_described_by_what_is_not_plain():
    assert described(GERMAN) == "separator semicolon, decimal comma, thousands '.'"
    assert described(ANY) == ""
    assert GERMAN.texts() == frozenset()
