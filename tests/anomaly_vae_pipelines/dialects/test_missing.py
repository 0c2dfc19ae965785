"""The words of missing cells."""

from __future__ import annotations

from anomaly_vae_pipelines.dialects.missing import (
    AMONG_NUMBERS,
    MISSING,
    SURE,
    is_missing,
    is_number_text,
    missing_words,
)


def test_a_word_that_is_a_value_is_not_missing():
    """An empty cell is always missing."""
    assert "NA" not in missing_words([], ["NA", ""])
    assert "" in missing_words([], ["NA", ""])
    assert {"-999", "NA"} <= set(missing_words(["-999"]))


def test_no_word_is_a_number_or_a_name():
    """A column may have the name x, and a number is missing only if the user says so."""
    words = MISSING | SURE | AMONG_NUMBERS
    assert not any(map(is_number_text, words - {"#DIV/0!"}))
    assert not {"x", "y", "n", "id"} & words
    assert all(map(is_missing, words))
