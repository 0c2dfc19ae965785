"""Numbers as people write them: decimal commas, thousands, money, percent, units; to floats, or invalid.

Texts are Arrow arrays, and all functions are vectorised. A text is a number in one form or it is invalid; it
is never read in another form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_vae_pipelines.arrow_arrays import arrow_texts, null, numpy_floats

THOUSANDS = {"": "", ".": r"\.", ",": ",", " ": "[ \u00a0\u202f\u2009]", "'": "['’]"}
"""Marks of thousands, each as a regular expression."""

_EXPONENT = "(?:[eE][+-]?[0-9]+)?"
_CURRENCIES = (
    "€|\\$|£|¥|₹|₽|US\\$|R\\$|EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|CZK|AUD|CAD|INR|CNY|BRL"
    "|Fr\\.|SFr\\.|kr\\.?|zł|Kč"
)
_UNITS = (
    "%|‰|°C|°F|°|K|[kmµuncdh]?[mglLVAWNJsF]|[kMG]?Wh|[kMGT]?i?B|[kMG]?Hz|[kMG]?W|[hkM]?Pa|m?bar|psi"
    "|min|h|hrs?|sec|ms|days?|km/h|m/s|mph|rpm|U/min|m[²³23]|[cd]m[²³]|ft|in|lbs?|oz|kcal|kJ|mol|ppm"
    "|dB|Ω|kΩ|kN|Nm|l/min|mmHg|bpm|St\\.?"
)
_SPACE = "[ \u00a0\u202f]?"
_AFFIXED = re.compile(
    f"(?P<prefix>(?:{_CURRENCIES}){_SPACE})?"
    "[0-9.,(][0-9., \u00a0\u202f\u2009'’]*(?:(?<=[0-9])[eE][+-]?[0-9]+)?"
    f"(?P<suffix>{_SPACE}(?:{_CURRENCIES}|{_UNITS})|[ \u00a0][A-Za-zµ°%²³/.]{{1,8}})?"
)
_BARE = re.compile("[0-9]*[.,]?[0-9]+(?:[eE][+-]?[0-9]+)?|[1-9][0-9]{0,2}(?:[., '’][0-9]{3})+(?:[.,][0-9]+)?")
"""An unsigned number with any marks."""


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a column are written.

    Attributes
    ----------
    decimal, thousands : str
        As in ``Dialect``.
    prefix, suffix : str
        Text around every number, without spaces: a currency, a percent sign or a unit.
    negative : str
        "" for a leading minus, "()" for brackets around negative numbers, "-" for a minus at the end, "−" for
        a typographic minus or a dash in front.
    """

    decimal: str = "."
    thousands: str = ""
    prefix: str = ""
    suffix: str = ""
    negative: str = ""

    def as_json(self) -> dict[str, str]:
        """The attributes that differ from plain numbers, with the name of this form."""
        plain = vars(PLAIN_NUMBER)
        return {"form": "number"} | {
            name: value for name, value in vars(self).items() if value != plain[name]
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> NumberForm:
        """The form that ``as_json`` described."""
        return cls(**{name: value for name, value in stored.items() if name in vars(PLAIN_NUMBER)})

    @property
    def marks(self) -> tuple[str, str]:
        """Decimal mark and thousands mark."""
        return self.decimal, self.thousands

    def with_marks(self, decimal: str, thousands: str) -> NumberForm:
        """The form with other marks."""
        return replace(self, decimal=decimal, thousands=thousands)

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as in Python."""
        return self == PLAIN_NUMBER

    def __str__(self) -> str:
        sample = f"1{self.thousands}234{self.decimal}5"
        return f"{self.prefix}{sample}{' ' if len(self.suffix) > 1 else ''}{self.suffix}"


PLAIN_NUMBER = NumberForm()


@lru_cache(maxsize=64)
def number_pattern(decimal: str, thousands: str) -> str:
    """A regular expression, of RE2 and of Python, for unsigned numbers."""
    point, mark = re.escape(decimal), THOUSANDS[thousands]
    grouped = f"|[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+" if mark else ""
    return f"(?:(?:[0-9]+{grouped})(?:{point}[0-9]*)?|{point}[0-9]+){_EXPONENT}"


def parse_numbers(texts: pa.ChunkedArray, form: NumberForm) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Texts as floats, and a mask of those that are neither null nor a number in this form.

    Both have shape (n_rows,); null and invalid texts are NaN.
    """
    bare = _bare(texts, form)
    pattern = number_pattern(*form.marks)
    valid = pc.match_substring_regex(bare, f"^[+-]?(?:{pattern}|(?i:inf|infinity))$")
    plain = bare
    if form.thousands:
        plain = pc.replace_substring_regex(plain, THOUSANDS[form.thousands], "")
    if form.decimal != ".":
        plain = pc.replace_substring(plain, form.decimal, ".")
    numbers = numpy_floats(pc.if_else(valid, plain, null(plain.type)).cast(pa.float64()))
    return numbers, is_true(pc.and_(pc.is_valid(texts), pc.invert(pc.fill_null(valid, False))))


def is_true(column: pa.Array | pa.ChunkedArray) -> NDArray[np.bool_]:
    """A column of booleans as an array, False where null; unlike ``to_numpy`` without pandas."""
    return np.asarray(numpy_floats(column.cast(pa.uint8()).cast(pa.float64())) == 1.0)


def strip_affixes(texts: pa.ChunkedArray, prefix: str, suffix: str) -> pa.ChunkedArray:
    """Trimmed texts without a prefix and a suffix, which must be there; other texts become invalid."""
    texts = pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, "[−–]", "-"))
    if not prefix and not suffix:
        return texts
    start = (
        f"(?P<sign>[+-]?){re.escape(prefix)}{_SPACE}(?P<sign2>[+-]?)"
        if prefix
        else "(?P<sign>[+-]?)(?P<sign2>)"
    )
    end = f"{_SPACE}{re.escape(suffix)}" if suffix else ""
    return pc.replace_substring_regex(
        pc.if_else(pc.match_substring_regex(texts, f"^\\(?{start}[^+-]*{end}\\)?$"), texts, "invalid"),
        f"^(?P<open>\\(?){start}(?P<body>.*?){end}(?P<close>\\)?)$",
        "\\1\\2\\3\\4\\5",
    )


def _bare(texts: pa.ChunkedArray, form: NumberForm) -> pa.ChunkedArray:
    """Numbers with a leading minus, without what is around them."""
    bare = strip_affixes(texts, form.prefix, form.suffix)
    if form.negative == "()":
        return pc.replace_substring_regex(bare, r"^\(([^()+-]*)\)$", r"-\1")
    if form.negative == "-":
        return pc.replace_substring_regex(bare, r"^([^+-]*[0-9.,])-$", r"-\1")
    return bare


def affixes_of(text: str) -> tuple[str, str] | None:
    """The currency or unit in front of and behind a number, empty for none; None if it is not a number."""
    bare = text.strip().lstrip("+-−–")
    if _BARE.fullmatch(bare):
        return "", ""
    found = _AFFIXED.fullmatch(bare)
    if found is None or not (found["prefix"] or found["suffix"]):
        return None
    return (found["prefix"] or "").strip(), (found["suffix"] or "").strip()


def affix_form(texts: pa.ChunkedArray) -> NumberForm | None:
    """The prefix, suffix and sign that all texts have around a number; the marks are not decided."""
    first = next((text.as_py() for text in texts[:50] if re.search("[0-9]", text.as_py())), None)
    if first is None:
        return None
    bare = first.strip().replace("−", "-").replace("–", "-").strip("()").strip("+-").strip()
    sign_inside = re.sub(f"^({_CURRENCIES}){_SPACE}-", r"\1", bare)
    found = _AFFIXED.fullmatch(sign_inside)
    if found is None:
        return None
    prefix, suffix = ((found[name] or "").strip() for name in ("prefix", "suffix"))
    stripped = strip_affixes(texts, prefix, suffix)
    for negative, ending in (("", ""), ("()", ""), ("-", "-?")):
        body = r"[0-9.,][0-9.,  \x{00a0}\x{202f}\x{2009}'’]*(?:[eE][+-]?[0-9]+)?"
        pattern = f"^(?:[+-]?{body}{ending}" + (f"|\\({body}\\))$" if negative == "()" else ")$")
        if pc.all(pc.match_substring_regex(stripped, pattern)).as_py():
            has_typographic = not negative and pc.any(pc.match_substring_regex(texts, "[−–]")).as_py()
            return NumberForm(prefix=prefix, suffix=suffix, negative="−" if has_typographic else negative)
    return None


def possible_marks(texts: pa.ChunkedArray, form: NumberForm) -> list[tuple[str, str]]:
    """The decimal and thousands marks with which all texts are numbers, without marks that no text needs.

    Texts without any mark fit all of them: the answer is [("", "")].
    """
    bare = _bare(texts, form)
    joined = pc.replace_substring_regex(bare, r"^[+-]", "")
    has = {
        mark: bool(pc.any(pc.match_substring_regex(joined, THOUSANDS[mark])).as_py())
        for mark in (".", ",", " ", "'")
    }
    if not any(has.values()):
        is_whole = pc.all(pc.match_substring_regex(joined, f"^[0-9]+{_EXPONENT}$")).as_py()
        return [("", "")] if is_whole else []
    pairs = [
        (decimal, thousands)
        for decimal in (".", ",")
        for thousands in ("", ".", ",", " ", "'")
        if decimal != thousands
    ]
    fitting = []
    for decimal, thousands in pairs:
        needed = {mark for mark, present in has.items() if present}
        if not needed <= {decimal, thousands} or (thousands and not has[thousands]):
            continue
        if pc.all(pc.match_substring_regex(joined, f"^{number_pattern(decimal, thousands)}$")).as_py():
            fitting.append((decimal if has[decimal] else "", thousands))
    return list(dict.fromkeys(fitting))


def texts_of(values: list[str]) -> pa.ChunkedArray:
    """Texts as a column."""
    return pa.chunked_array([arrow_texts(values)])
