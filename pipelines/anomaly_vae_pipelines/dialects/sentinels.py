"""find_sentinel: a number such as -999 that probably stands for a missing one."""

from __future__ import annotations

import re
from collections.abc import Container

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anomaly_vae_pipelines.dialects.numbers import NumberForm, parse_numbers

_NINES = re.compile(r"-(?:9{2,}(?:[.,]0+|[.,]9+|[.,]25)?|200(?:[.,]0+)?|8{3,}|7{3,}|1e\+?30|32768)")
_LEAST_COUNT = 2


def find_sentinel(
    texts: pa.ChunkedArray, cells: pa.ChunkedArray, form: NumberForm, values: Container[str]
) -> tuple[str, int, str] | None:
    """The text of such a number, how often it occurs, and the range of the others; None if there is none.

    It is a negative number of nines (or -200), it occurs more than once, and all others are far above it.

    Parameters
    ----------
    texts, cells : ChunkedArray
        The distinct texts of the column, and all of its cells.
    form : NumberForm
    values : container of str
        Texts that are values.
    """
    candidates = [text for text in _negative(texts) if _NINES.fullmatch(text) and text not in values]
    if not candidates:
        return None
    numbers, _ = parse_numbers(texts, form)
    for text in candidates:
        number = float(text.replace(",", "."))
        others = numbers[np.isfinite(numbers) & (numbers != number)]
        if not len(others):
            continue
        low, high = float(others.min()), float(others.max())
        if number < low - max(high - low, 1.0) * 0.5 and (low >= 0 or number < 3 * low):
            count = pc.sum(pc.equal(pc.utf8_trim_whitespace(cells), text)).as_py() or 0
            if count >= _LEAST_COUNT:
                return text, int(count), f"between {low:g} and {high:g}"
    return None


def may_be_sentinel(least: float) -> bool:
    """Whether the least number of a column may stand for a missing one."""
    return _NINES.fullmatch(str(least)) is not None


def _negative(texts: pa.ChunkedArray) -> list[str]:
    found: list[str] = texts.filter(pc.starts_with(texts, "-")).slice(0, 100_000).to_pylist()
    return found
