"""Dates and clock times as people write them, as ISO 8601 and as seconds; vectorised on Arrow arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_vae_pipelines.arrow_arrays import arrow_booleans, arrow_texts, null, numpy_floats
from anomaly_vae_pipelines.dialects.numbers import is_true

_TIME = (
    r"(?:(?:[ T]+|, )(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}(?:[.,][0-9]{1,9})?))?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?)?"
)
_MONTHS = (
    ("01", "jan|january|januar|jänner"), ("02", "feb|february|februar"), ("03", "mar|march|mär|märz|mrz"),
    ("04", "apr|april"), ("05", "may|mai"), ("06", "jun|june|juni"), ("07", "jul|july|juli"),
    ("08", "aug|august"), ("09", "sep|sept|september"), ("10", "oct|october|okt|oktober"),
    ("11", "nov|november"), ("12", "dec|december|dez|dezember"),
)  # fmt: skip
_YEAR = "(?P<year>[0-9]{4}|[0-9]{2})"
_NAME = r"[A-Za-zä]{3,9}\.?"
_PATTERNS = {
    "dmy": rf"^(?P<day>[0-9]{{1,2}})[./ -](?P<month>[0-9]{{1,2}})[./ -]{_YEAR}{_TIME}$",
    "mdy": rf"^(?P<month>[0-9]{{1,2}})[/-](?P<day>[0-9]{{1,2}})[/-]{_YEAR}{_TIME}$",
    "ymd": rf"^(?P<year>[0-9]{{4}})[./-](?P<month>[0-9]{{1,2}})[./-](?P<day>[0-9]{{1,2}}){_TIME}$",
    "dby": rf"^(?P<day>[0-9]{{1,2}})[. -]*(?P<month>{_NAME})[ -]*{_YEAR}{_TIME}$",
    "bdy": rf"^(?P<month>{_NAME}) *(?P<day>[0-9]{{1,2}}),? +(?P<year>[0-9]{{4}}){_TIME}$",
}
"""Forms of dates: day, month (as a number or as a name) and year in their order."""

ORDERS = tuple(_PATTERNS)
ORDER_NAMES = {
    "dmy": "day first",
    "mdy": "month first",
    "ymd": "year first",
    "dby": "day first, month as a word",
    "bdy": "month first, as a word",
}
"""The orders in words."""

_UNSURE_YEAR = "^(?:[3-5][0-9]|6[0-8])$"
"""Years of two digits that are of the last century in spreadsheets, and of this one in POSIX."""

_LENGTHS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
"""Days of the months of a year that is not a leap year."""

_CLOCK = (
    r"^(?P<sign>-?)(?:(?P<days>[0-9]+) days?,? )?"
    r"(?P<hours>[0-9]{1,4}):(?P<minutes>[0-5][0-9])(?::(?P<seconds>[0-5][0-9](?:[.,][0-9]+)?))?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?$"
)


_NO_CLOCK = (
    r"^-?(?:(?:[0-9]+ days?,? [0-9].*|2[4-9]:.*|[3-9][0-9]:.*|[0-9]{3,4}:.*)[AaPp]|(?:1[3-9]|2[0-3]):.*[Aa])"
    r"\.?[Mm]\.?$"
)
"""Times that do not exist: days or hours above 23 with AM or PM, and hours above 12 with AM."""

_POINTED_CLOCK = r"^\s*[0-2][0-9]\.[0-5][0-9]\.[0-5][0-9]\s*$"
"""Clock times with points, as some data loggers write them."""


class DateForm(NamedTuple):
    """How the dates of a column are written: a name of ``ORDERS``."""

    order: str

    def as_json(self) -> dict[str, str]:
        """The attributes, with the name of this form."""
        return {"form": "date", "order": self.order}


class ClockForm(NamedTuple):
    """Clock times and durations, such as 8:30 or 12:05:07, which are read as seconds."""

    def as_json(self) -> dict[str, str]:
        """The name of this form."""
        return {"form": "clock"}


def possible_orders(texts: pa.ChunkedArray) -> list[str]:
    """The orders of day, month and year in which all texts are dates; with dots the day is first."""
    return [order for order in ORDERS if pc.all(are_dates(texts, order)).as_py()]


def iso_dates(texts: pa.ChunkedArray, form: DateForm) -> pa.ChunkedArray:
    """Dates as ISO 8601; a text that is not a date in this form stays as it is, for the model to reject."""
    parts = _parts(texts, form.order)
    year = pc.if_else(
        pc.equal(pc.utf8_length(parts["year"]), 2),
        pc.binary_join_element_wise(_century(parts["year"]), parts["year"], ""),
        parts["year"],
    )
    date = pc.binary_join_element_wise(year, _two(_month(parts["month"])), _two(parts["day"]), "-")
    iso = pc.if_else(pc.equal(parts["hour"], ""), date, pc.binary_join_element_wise(date, _time(parts), "T"))
    is_sure = pc.is_null(unsure_years(texts, form))
    return pc.if_else(pc.and_(pc.fill_null(are_dates(texts, form.order), False), is_sure), iso, texts)


def unsure_years(texts: pa.ChunkedArray, form: DateForm) -> pa.ChunkedArray:
    """The years of two digits that programs read as of this century or of the last; null for other dates."""
    years = pc.fill_null(_parts(pc.fill_null(texts, ""), form.order)["year"], "")
    return pc.if_else(pc.match_substring_regex(years, _UNSURE_YEAR), years, null(pa.string()))


def is_clock(texts: pa.ChunkedArray) -> bool:
    """Whether all texts are clock times or durations with colons."""
    return bool(pc.all(_are_clocks(texts)).as_py())


def _are_clocks(texts: pa.ChunkedArray) -> Any:
    return pc.and_(
        pc.match_substring_regex(texts, _CLOCK), pc.invert(pc.match_substring_regex(texts, _NO_CLOCK))
    )


def is_pointed_clock(texts: pa.ChunkedArray) -> bool:
    """Whether all texts are clock times with points, such as 18.00.00, which may be dates too."""
    return bool(pc.all(pc.match_substring_regex(texts, _POINTED_CLOCK)).as_py())


def clock_seconds(texts: pa.ChunkedArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Clock times as seconds, and a mask of the texts that are none; as ``parse_numbers`` returns them."""
    trimmed = pc.utf8_trim_whitespace(texts)
    is_pointed = pc.match_substring_regex(trimmed, _POINTED_CLOCK)
    trimmed = pc.if_else(is_pointed, pc.replace_substring(trimmed, ".", ":"), trimmed)
    found = pc.extract_regex(trimmed, _CLOCK)
    parts = {name: _field(found, name) for name in ("sign", "days", "hours", "minutes", "seconds", "half")}

    def number(name: str) -> NDArray[np.float64]:
        text = pc.replace_substring(parts[name], ",", ".")
        return numpy_floats(pc.if_else(pc.equal(text, ""), "0", text).cast(pa.float64()))

    half = pc.utf8_lower(parts["half"])
    is_half, is_late = (is_true(pc.is_in(half, arrow_texts(texts))) for texts in (["a", "p"], ["p"]))
    hours = np.where(is_half, number("hours") % 12 + 12 * is_late, number("hours"))
    seconds = number("days") * 86_400 + hours * 3_600 + number("minutes") * 60 + number("seconds")
    sign = np.where(is_true(pc.equal(parts["sign"], "-")), -1.0, 1.0)
    wrong = pc.and_(pc.is_valid(texts), pc.invert(pc.fill_null(_are_clocks(trimmed), False)))
    return sign * seconds, is_true(wrong)


def are_dates(texts: pa.ChunkedArray, order: str) -> Any:
    """Which texts are dates in an order that exist, with times of day that exist; booleans (n_rows,)."""
    parts = _parts(texts, order)
    day, month, year = (_number(part) for part in (parts["day"], _month(parts["month"]), parts["year"]))
    hour, minute, second = (_number(parts[name]) for name in ("hour", "minute", "second"))
    is_month = (month >= 1) & (month <= 12)
    lengths = _LENGTHS[np.where(is_month, month, 1).astype(int) - 1]
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    lengths = lengths + ((month == 2) & is_leap)
    hours = np.where(is_true(pc.equal(pc.utf8_lower(parts["half"]), "a")), 12, 23)
    # Comparisons with NaN, of a date without a time, are false.
    known = is_month & (day >= 1) & (day <= lengths) & ~(hour > hours) & ~(minute > 59) & ~(second >= 60)
    matched = pc.match_substring_regex(pc.utf8_trim_whitespace(texts), _PATTERNS[order])
    return pc.and_(pa.chunked_array([arrow_booleans(known)]), pa.chunked_array([_whole(matched)]))


def _whole(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _parts(texts: pa.ChunkedArray, order: str) -> dict[str, Any]:
    found = pc.extract_regex(pc.utf8_trim_whitespace(texts), _PATTERNS[order])
    return {
        name: _field(found, name) for name in ("year", "month", "day", "hour", "minute", "second", "half")
    }


def _field(found: Any, name: str) -> Any:
    """One group of the matches; null where nothing matched."""
    return pc.struct_field(found, name)


def _number(texts: Any) -> NDArray[np.float64]:
    texts = pc.replace_substring(texts, ",", ".")
    valid = pc.match_substring_regex(texts, "^[0-9]+(?:[.][0-9]+)?$")
    return numpy_floats(pc.if_else(valid, texts, null(texts.type)).cast(pa.float64()))


def _two(texts: Any) -> Any:
    return pc.utf8_lpad(texts, 2, "0")


def _century(years: Any) -> Any:
    """The century of years of two digits: this one for 00 to 29, the last one for 69 to 99."""
    return pc.if_else(pc.less_equal(years, "68"), "20", "19")


def _month(texts: Any) -> Any:
    """Months as numbers; a name that is not one stays as it is."""
    for number, names in _MONTHS:
        texts = pc.replace_substring_regex(texts, f"(?i)^(?:{names})\\.?$", number)
    return texts


def _time(parts: dict[str, Any]) -> Any:
    """Times of day as hh:mm:ss, from 24 or 12 hours."""
    hour = _number(parts["hour"])
    half = pc.utf8_lower(parts["half"])
    hour = np.where(
        is_true(pc.equal(half, "p")), hour % 12 + 12, np.where(is_true(pc.equal(half, "a")), hour % 12, hour)
    )
    hours = pa.chunked_array([arrow_texts([None if h != h else f"{h:02.0f}" for h in hour.tolist()])])
    seconds = pc.if_else(pc.equal(parts["second"], ""), "00", pc.replace_substring(parts["second"], ",", "."))
    return pc.binary_join_element_wise(hours, parts["minute"], seconds, ":")
