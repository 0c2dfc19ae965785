"""kind_of: what one cell looks like on its own: missing, a number, a date, or text.

These rough kinds are used to find separators and headers. Columns are decided by all of their cells.
"""

from __future__ import annotations

import re
from typing import Literal

from anomaly_vae_pipelines.dialects.missing import is_missing

_LONGEST = 60
"""Characters of the longest number or date."""

Rough = Literal["missing", "number", "date", "text"]

# Possessive quantifiers: a cell that is not a number is rejected in one pass.
_NUMBER = re.compile(
    r"[(]?[-+−–]?(?:[€$£¥]|CHF|EUR|USD)? ?[-+−]?"
    r"(?:[0-9]++(?:[.,'’ \u00a0\u202f\u2009][0-9]++)*+[.,]?|[.,][0-9]++)(?:[eE][-+]?[0-9]++)?[)]?-?"
    r"(?:(?<![.,])[ \u00a0]?(?:%|€|[$£]|[A-Za-z°µ²³/]{1,4}))?"
)
_DATE = re.compile(
    r"[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}(?:[T ].*)?|[0-9]{1,2}:[0-9]{2}(?::[0-9.,]+)?(?: ?[AaPp][Mm])?"
)


def kind_of(cell: str) -> Rough:
    """The kind of a cell, judged by this cell alone."""
    cell = cell.strip()
    if is_missing(cell):
        return "missing"
    if _DATE.fullmatch(cell):
        return "date"
    return (
        "number" if cell[-1:] and any("0" <= c <= "9" for c in cell) and _NUMBER.fullmatch(cell) else "text"
    )
