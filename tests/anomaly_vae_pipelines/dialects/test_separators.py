"""The separator of a text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae_pipelines.dialects.separators import RULE, cells_of_lines, find_splits, split_lines

WORDS = st.sampled_from(["x", "Köln", "12", "2.5", "-3", "a b", "2025-12-24", "?"])


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([",", ";", "\t", "|"]), st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=3, max_size=8)
)
def test_clean_cells_are_divided_by_the_separator_that_joined_them(separator, rows):
    best = find_splits([separator.join(row) for row in rows])[0]
    assert (best.separator, best.width) == (separator, 3)


def test_decimal_commas_do_not_divide_cells():
    assert find_splits(["1,5;2,5;3", "2,5;3,5;4"])[0].separator == ";"


def test_words_of_a_text_are_not_cells():
    """Spaces divide cells only if many of them are numbers."""
    assert not split_lines(["anna was here", "bert was there"], " ").is_table
    assert split_lines(["1  2.5 x", "2  3.5 y"], " ").width == 3


def test_titles_above_a_table_do_not_count():
    assert find_splits(["Export", "a;b", "1;2", "3;4"])[0].is_table


@pytest.mark.parametrize("line", ["----+-----", "|---|---|", "====="])
def test_a_rule_is_no_row(line):
    assert RULE.fullmatch(line)


def test_a_line_break_in_quotes_does_not_end_a_row():
    assert cells_of_lines(['"a', 'b";c'], ";") == [["ab", "c"]]
