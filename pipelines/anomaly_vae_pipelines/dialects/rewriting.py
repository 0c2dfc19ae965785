"""rewritten: lines of an unusual dialect as plain CSV, line for line, so that the same parser reads both."""

from __future__ import annotations

import csv
import io
import re

from anomaly_vae_pipelines.dialects.dialect import Dialect, is_comment

_LINE = re.compile("([^\r\n]*)(\r\n|\n|\r|$)")
_SPACES = re.compile(r"[ \t]+")


def rewritten(text: str, dialect: Dialect) -> str:
    """The text as CSV with commas; each row is on one line, and a comment becomes an empty line."""
    if dialect.separator == " " and not dialect.comment and not re.search("[\",']", text):
        return "".join(_SPACES.sub(",", line.strip()) + end for line, end in _LINE.findall(text))
    return "".join(_line(line, dialect) + end for line, end in _LINE.findall(text))


def _line(line: str, dialect: Dialect) -> str:
    if not line.strip() or is_comment(line, dialect.comment):
        return ""
    line = _SPACES.sub(" ", line.strip()) if dialect.separator == " " else line
    try:
        cells = next(
            csv.reader(
                [line], delimiter=dialect.separator, quotechar=dialect.quote, skipinitialspace=True,
                strict=True, escapechar="\\" if dialect.escape else None,
            )
        )  # fmt: skip
    except (csv.Error, StopIteration):
        cells = [line]  # rejected later for its number of cells
    stream = io.StringIO()
    csv.writer(stream, lineterminator="").writerow([cell.strip() if dialect.trim else cell for cell in cells])
    return stream.getvalue()
