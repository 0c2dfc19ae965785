"""Numbers that probably stand for missing ones."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.dialects.numbers import PLAIN_NUMBER, texts_of
from anomaly_vae_pipelines.dialects.sentinels import find_sentinel


def found(*texts, values=()):
    distinct = texts_of(list(dict.fromkeys(texts)))
    return find_sentinel(distinct, texts_of(list(texts)), PLAIN_NUMBER, values)


def test_a_repeated_number_far_below_all_others_is_named_with_their_range():
    assert found("1.5", "-999", "2.5", "-999") == ("-999", 2, "between 1.5 and 2.5")


@pytest.mark.parametrize(
    "texts",
    [
        ("1.5", "-999", "2.5"),
        ("-1500", "-999", "-999", "100"),
        ("1", "999", "999"),
        ("1", "-5", "-5"),
        ("-999", "-999"),
    ],
)
def test_a_number_among_others_or_once_is_none(texts):
    assert found(*texts) is None


def test_a_number_that_the_user_calls_a_value_is_none():
    assert found("1", "-999", "2", "-999", values=("-999",)) is None
