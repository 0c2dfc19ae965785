"""Tables in random dialects are read back as they were written, asked about, or refused; never misread."""

from __future__ import annotations

import csv
import datetime
import io
import os
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.dialects.dialect import NOTHING
from tests.anomaly_vae_pipelines.dialects.behaviours.test_cases import read

N_EXAMPLES = int(os.environ.get("DIALECT_EXAMPLES", "40"))
"""``make dialects`` tries 10,000."""

WORDS = ["rot", "grün", "blau", "Köln, Rhein", "a;b", "5 Fuß", "süß", "Nr. 7", "x", "it's", 'say "no"']
MARKS = [(".", ""), (",", ""), (",", "."), (".", ","), (",", " "), (".", "'")]


@dataclass(frozen=True)
class Written:
    """How a table is written."""

    separator: str
    marks: tuple[str, str]
    encoding: str
    header: bool
    quoting: int
    line_end: str
    missing: str
    unit: str
    date: str


WRITTEN = st.builds(
    Written, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(MARKS),
    st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]), st.booleans(),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "?", "NA", "-", "#N/A"]), st.sampled_from(["", " €", "%", " kg"]),
    st.sampled_from(["%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d", "%d.%m.%Y %H:%M"]),
)  # fmt: skip


@st.composite
def tables(draw):
    """Columns of numbers, whole numbers, words and dates, of two to eight rows."""
    n_rows = draw(st.integers(2, 8))
    decimals = draw(st.integers(1, 3))
    kinds = {
        "Betrag": st.integers(-(10**7), 10**7).map(lambda value: value / 10**decimals),
        "Zahl": st.integers(-5000, 5000),
        "Wort": st.sampled_from(WORDS),
        "Tag": st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2060, 1, 1)),
    }
    names = draw(st.lists(st.sampled_from(list(kinds)), min_size=2, max_size=4, unique=True))
    columns = {name: [draw(kinds[name]) for _ in range(n_rows)] for name in names}
    empty = draw(st.sampled_from([*names, ""]))
    return columns, decimals, empty if empty in ("Betrag", "Zahl") else ""


def number(value: float, decimals: int, how: Written) -> str:
    text = f"{value:,.{decimals}f}".replace(",", "T").replace(".", how.marks[0]).replace("T", how.marks[1])
    return text + how.unit


def cells_of(name: str, values: list, decimals: int, how: Written) -> tuple[list[str], list]:
    """The cells of a column as text, and as they are read back."""
    if name == "Betrag":
        return [number(value, decimals, how) for value in values], values
    if name == "Zahl":
        return list(map(str, values)), list(map(float, values))
    if name == "Wort":
        return values, values
    moments = [value.replace(second=0, microsecond=0) for value in values]
    iso = [moment.isoformat() if "%H" in how.date else moment.date().isoformat() for moment in moments]
    return [moment.strftime(how.date) for moment in moments], iso


def file_of(columns: dict, decimals: int, empty: str, how: Written) -> tuple[bytes, dict]:
    """The bytes of a file, and its columns as they are read back."""
    texts, wanted = {}, {}
    for number_, (name, values) in enumerate(columns.items()):
        texts[name], back = cells_of(name, values, decimals, how)
        if name == empty:
            texts[name], back = [how.missing, *texts[name][1:]], [None, *back[1:]]
        wanted[name if how.header else f"column_{number_ + 1}"] = back
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=how.separator, quoting=how.quoting, lineterminator=how.line_end)
    if how.header:
        writer.writerow(texts)
    writer.writerows(zip(*texts.values(), strict=True))
    return stream.getvalue().encode(how.encoding, errors="replace"), wanted


@settings(
    deadline=None, max_examples=N_EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(tables(), WRITTEN)
def test_no_cell_is_misread_in_silence(tmp_path, table, how):
    data, wanted = file_of(*table, how)
    path = tmp_path / "table.csv"
    path.write_bytes(data)
    try:
        found = read(path, NOTHING)
    except InputError:  # a question, or a refusal of two rows that no separator divides
        return
    assert list(found) == list(wanted)
    for name, cells in wanted.items():
        assert found[name] == [pytest.approx(cell) if isinstance(cell, float) else cell for cell in cells], (
            data
        )
