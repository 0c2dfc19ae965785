"""How single columns are written."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.dialects.forms import ColumnForm, TextForm, is_code, is_version
from anomaly_vae_pipelines.dialects.numbers import PLAIN_NUMBER, NumberForm, texts_of
from anomaly_vae_pipelines.dialects.times import ClockForm, DateForm

FORMS = [
    ColumnForm(NumberForm(",", ".", suffix="kg"), ("-",)),
    ColumnForm(DateForm("dmy")),
    ColumnForm(ClockForm(), ("--",)),
    ColumnForm(TextForm()),
]


@pytest.mark.parametrize("form", FORMS)
def test_a_form_comes_back_from_json(form):
    assert ColumnForm.from_json(form.as_json()) == form


def test_forms_are_shown_in_words():
    assert [form.shown for form in FORMS] == [
        "numbers such as 1.234,5 kg with - for missing",
        "dates, day first",
        "times in seconds with -- for missing",
        "text",
    ]


def test_only_numbers_have_marks():
    assert FORMS[0].with_marks((".", "")).form == NumberForm(suffix="kg")
    assert FORMS[1].with_marks((",", "")) == FORMS[1]
    assert [form.is_number for form in FORMS] == [True, False, True, False]
    assert ColumnForm(NumberForm(",")).has_only_marks
    assert not FORMS[0].has_only_marks
    assert ColumnForm(PLAIN_NUMBER).is_plain


@pytest.mark.parametrize(
    ("name", "answer"), [("ver", True), ("appVersion", True), ("firmware_rev", True), ("weight", False)]
)
def test_a_version_is_named_so(name, answer):
    assert is_version(texts_of(["1.2", "1.10"]), name) is answer
    assert not is_version(texts_of(["1.25555"]), name)


def test_a_code_has_one_width_and_leading_zeros():
    assert is_code(texts_of(["007", "113"]))
    assert not is_code(texts_of(["07", "11"]))
    assert not is_code(texts_of(["107", "113"]))
    assert not is_code(texts_of(["007", "1133"]))
