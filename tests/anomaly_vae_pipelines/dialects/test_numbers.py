"""Numbers as people write them come back as the numbers that they are, or are invalid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae_pipelines.dialects.numbers import (
    PLAIN_NUMBER,
    NumberForm,
    affix_form,
    is_true,
    number_pattern,
    parse_numbers,
    possible_marks,
    strip_affixes,
    texts_of,
)

MARKS = [(".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", "'"), (",", "'"), (".", " ")]


def written(value: float, form: NumberForm) -> str:
    """A number in a form, with two decimals."""
    text = f"{abs(value):,.2f}".replace(",", "T").replace(".", form.decimal).replace("T", form.thousands)
    text = f"{form.prefix}{text}{form.suffix}"
    return (
        text
        if value >= 0
        else f"({text})"
        if form.negative == "()"
        else f"{text}-"
        if form.negative == "-"
        else f"-{text}"
    )


FORMS = st.builds(
    lambda marks, *rest: NumberForm(*marks, *rest), st.sampled_from(MARKS),
    st.sampled_from(["", "€", "$", "CHF"]), st.sampled_from(["", "kg", "%", "€", "km/h"]),
    st.sampled_from(["", "()"]),
)  # fmt: skip
VALUES = st.lists(st.integers(-(10**9), 10**9).map(lambda cents: cents / 100), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60)
@given(VALUES, FORMS)
def test_numbers_come_back_from_any_form(values, form):
    numbers, wrong = parse_numbers(texts_of([written(value, form) for value in values]), form)
    assert not wrong.any()
    np.testing.assert_allclose(numbers, values)


@settings(deadline=None, max_examples=60)
@given(VALUES, FORMS)
def test_the_marks_of_numbers_are_among_the_possible_ones(values, form):
    """A form is never excluded by numbers that are written in it; if it is the only one, they come back."""
    texts = texts_of([written(value, form) for value in values])
    found = affix_form(texts)
    assert found is not None
    assert (found.prefix, found.suffix) == (form.prefix, form.suffix)
    marks = possible_marks(texts, found)
    assert any(
        decimal in ("", form.decimal) and thousands in ("", form.thousands) for decimal, thousands in marks
    )
    if len(marks) == 1:
        numbers, wrong = parse_numbers(texts, found.with_marks(marks[0][0] or form.decimal, marks[0][1]))
        assert not wrong.any()
        np.testing.assert_allclose(numbers, values)


@pytest.mark.parametrize(
    "text", ["1.5", "12.34", "1.23.4", "1,5,0", "abc", "1 234,5", "1.2345", "0.123", "", "--1", "1,5 €"]
)
def test_a_number_in_another_form_is_invalid(text):
    """With decimal commas and points of thousands, 1.5 is not 15."""
    numbers, wrong = parse_numbers(texts_of([text]), NumberForm(",", "."))
    assert wrong.tolist() == [True]
    assert np.isnan(numbers).all()


@pytest.mark.parametrize(
    ("texts", "marks"),
    [
        (["1.234", "2.345"], [(".", ""), ("", ".")]),
        (["1,234"], [("", ","), (",", "")]),
        (["0.123", "1.234"], [(".", "")]),
        (["1.234.567"], [("", ".")]),
        (["1'234"], [("", "'")]),
        (["12", "13"], [("", "")]),
        (["1.2.3"], []),
        (["1.234,5"], [(",", ".")]),
    ],
)
def test_marks_are_open_only_where_both_readings_are_numbers(texts, marks):
    assert possible_marks(texts_of(texts), PLAIN_NUMBER) == marks


@pytest.mark.parametrize(
    "texts", [["A12"], ["store 17"], ["$1", "€2"], ["12 kg", "500 g"], ["1", "x"], ["x"]]
)
def test_texts_with_different_things_around_numbers_are_not_numbers(texts):
    assert affix_form(texts_of(texts)) is None


def test_a_form_comes_back_from_json():
    form = NumberForm(",", ".", "€", "kg", "()")
    assert NumberForm.from_json(form.as_json()) == form
    assert PLAIN_NUMBER.as_json() == {"form": "number"}


def test_a_form_is_shown_by_an_example():
    assert str(NumberForm(",", ".", suffix="kg")) == "1.234,5 kg"


def test_affixes_must_be_there():
    assert strip_affixes(texts_of(["€5", "-€5", "5"]), "€", "").to_pylist() == ["5", "-5", "invalid"]


def test_null_is_not_true():
    import pyarrow as pa

    assert is_true(pa.array([True, None, False])).tolist() == [True, False, False]


def test_a_group_has_three_digits():
    import re

    pattern = re.compile(number_pattern(".", ","))
    assert pattern.fullmatch("1,234,567.8")
    assert not pattern.fullmatch("12,34")
    assert not pattern.fullmatch("0,123")
