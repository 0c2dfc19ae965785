"""Words of missing cells: those that always mean a missing cell, and those that do among numbers."""

from __future__ import annotations

from collections.abc import Container, Iterable

MISSING = frozenset(
    {
        "",
        "#N/A",
        "#NA",
        "-NaN",
        "-nan",
        "<NA>",
        "N/A",
        "NA",
        "NAN",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "na",
        "nan",
        "null",
    }
)
"""Texts of a missing cell; spaces around them are ignored."""

SURE = frozenset(
    {"?", "\\N", "(null)", "(NULL)", "<null>", "[null]", "#NULL!", "NaT", "<N/A>", "#N/A N/A"}
    | {"n.a.", "N.A.", "n. a.", "n.d.", "N/D", "n/d", "#N/D", "k.A.", "k. A.", "missing", "MISSING"}
    | {"#NV", "#DIV/0!", "#VALUE!", "#WERT!", "#REF!", "#BEZUG!", "#NUM!", "#ZAHL!", "#NAME?"}
)
"""Words that mean a missing cell in every column of a file that has them."""

AMONG_NUMBERS = frozenset({"-", "--", "---", ".", "..", "...", "*", "–", "—", "?", "nil", "none", "NONE"})
"""Words that mean a missing cell if all other cells of the column are numbers or dates."""


def is_missing(cell: str) -> bool:
    """Whether a cell alone looks like a missing one."""
    return cell in MISSING or cell in SURE or cell in AMONG_NUMBERS


def missing_words(missing: Iterable[str], values: Container[str] = ()) -> list[str]:
    """The texts of missing cells of a file with more such words, without those that are values."""
    return sorted(word for word in {*MISSING, *missing} if word not in values or word == "")


def is_number_text(word: str) -> bool:
    """Whether a word is a number in any of the usual forms."""
    return any(character.isdigit() for character in word)
