"""Scored rows to bytes and tables."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae_pipelines.errors import ColumnClashError
from anomaly_vae_pipelines.records import RESULT_COLUMNS, Rejected, Rows, ScoredRows
from anomaly_vae_pipelines.sinks.encoding import (
    ENCODERS,
    CsvEncoder,
    JsonLinesEncoder,
    ParquetEncoder,
    check_no_clash,
    rounded,
)
from anomaly_vae_pipelines.sinks.rejected import HEADER, encode_rejected
from tests.anomaly_vae_pipelines.conftest import text_rows


def without_raw(rows: Rows) -> Rows:
    return Rows(rows.source, rows.columns, rows.table, rows.numbers)


def scored_of(rows: Rows, score: float = -1.5, p_value: float = 0.25, severity: float = 6.02) -> ScoredRows:
    results = (np.full(len(rows), value) for value in (score, p_value, severity))
    return ScoredRows(rows, *results, np.arange(len(rows)) % 2 == 0, {})


def reasons(*texts: str) -> pa.StringArray:
    return pa.array(texts, pa.string())


ROWS = text_rows(("id", "x"), [["007", "a"], ["8", "b"]])


def test_results_follow_the_bytes_of_the_row():
    """The row's own bytes are first and as they came."""
    encoder = CsvEncoder("v_")
    names = b"v_score,v_p_value,v_severity,v_is_anomaly,v_top_columns"
    assert encoder.header(("id", "x"), b'"id",x') == b'"id",x,' + names + b"\n"
    lines = encoder.encode(scored_of(ROWS), reasons("a:-3.0", ""))
    assert lines == b"007,a,-1.5,0.25,6.02,true,a:-3.0\n8,b,-1.5,0.25,6.02,false,\n"


def test_reformatted_rows_have_the_same_content():
    """Without bytes of their own, cells are written as they are typed."""
    lines = CsvEncoder().encode(scored_of(without_raw(ROWS)), reasons('a,"b":-3.0', "")).decode()
    assert list(csv.reader(io.StringIO(lines))) == [
        ["007", "a", "-1.5", "0.25", "6.02", "true", 'a,"b":-3.0'],
        ["8", "b", "-1.5", "0.25", "6.02", "false", ""],
    ]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_score_reads_back_bit_for_bit(score):
    """No digit of a score is lost, in any format."""
    scored = scored_of(ROWS, score)
    assert float(CsvEncoder().encode(scored, reasons("", "")).split(b",")[2]) == score
    assert (
        json.loads(
            JsonLinesEncoder().encode(scored_of(without_raw(ROWS), score), reasons("", "")).splitlines()[0]
        )["score"]
        == score
    )
    assert ParquetEncoder().encode(scored, reasons("", "")).column("score")[0].as_py() == score


@given(st.floats(1e-6, 1.0))
def test_a_p_value_has_six_digits(p_value):
    """More digits of a p-value say nothing, and fewer would."""
    assert rounded(np.array([p_value]))[0] == pytest.approx(float(f"{p_value:.6g}"), rel=1e-12)
    assert len(rounded(np.empty(0))) == 0


@given(st.floats(0.0, 100.0))
def test_a_severity_has_four_decimals_in_every_format(severity):
    """That is 0.002 % of the p-value, enough to rank rows."""
    scored = scored_of(ROWS, severity=severity)
    written = float(CsvEncoder().encode(scored, reasons("", "")).split(b",")[4])
    assert abs(written - severity) <= 0.5001e-4
    plain = scored_of(without_raw(ROWS), severity=severity)
    line, _ = JsonLinesEncoder().encode(plain, reasons("", "")).splitlines()
    assert json.loads(line)["severity"] == written
    assert ParquetEncoder().encode(scored, reasons("", "")).column("severity")[0].as_py() == written


@pytest.mark.parametrize("text", [b"{}", b'{"a": 1}', b' {"a": {"b": 2} } ', b'{"a":"}"}'])
def test_objects_keep_their_bytes_and_gain_fields(text):
    """Results are appended to the object; its original bytes are unchanged."""
    table = pa.table({"a": pa.array(["1"])})
    rows = Rows("a.jsonl", ("a",), table, np.array([1]), pa.array([text], pa.large_binary()))
    (line,) = JsonLinesEncoder().encode(scored_of(rows), reasons("a:-3")).splitlines()
    assert line.startswith(text.rstrip()[:-1].rstrip())
    assert json.loads(line) == json.loads(text) | {
        "score": -1.5, "p_value": 0.25, "severity": 6.02, "is_anomaly": True, "top_columns": "a:-3",
    }  # fmt: skip


def test_a_result_column_hides_no_column_of_the_input():
    """A name that is taken is refused, a prefix gives another."""
    for name in RESULT_COLUMNS:
        with pytest.raises(ColumnClashError, match=f"'{name}'"):
            check_no_clash("a.csv", ("id", name), "")
    with pytest.raises(ColumnClashError, match=r"'score'.*--prefix"):
        check_no_clash("a.csv", ("id", "score"), "")
    check_no_clash("a.csv", ("id", "score"), "vae_")


@pytest.mark.parametrize("name", ENCODERS)
def test_no_rows_are_nothing(name):
    """An empty piece adds nothing."""
    nothing = ROWS.take(np.zeros(2, dtype=bool))
    assert len(ENCODERS[name]().encode(scored_of(nothing), reasons())) == 0


@given(st.lists(st.text(st.sampled_from('ab:,"\n\r é'), max_size=6), min_size=1, max_size=4))
def test_reasons_are_quoted_only_if_needed(texts):
    """A column may have any name: its reason reads back as it was, and plain ones have no quotes."""
    rows = text_rows(("id",), [["7"]] * len(texts))
    lines = CsvEncoder().encode(scored_of(rows), reasons(*texts)).decode()
    assert [row[-1] for row in csv.reader(io.StringIO(lines, newline=""))] == texts
    plain = [text for text in texts if not set(',"\n\r') & set(text)]
    assert sum(line.endswith(f",{text}") for line in lines.split("\n") for text in set(plain)) >= len(plain)


@given(st.lists(st.sampled_from([1 / 1001, 0.5, 1.0, 0.123456789, 1e-300]), min_size=1, max_size=6))
def test_p_values_are_written_as_they_are_rounded(p_values):
    """However often each occurs, and in any order."""
    rows = text_rows(("id",), [["7"]] * len(p_values))
    scored = replace(scored_of(rows), p_values=np.array(p_values))
    lines = CsvEncoder().encode(scored, reasons(*[""] * len(rows))).decode().splitlines()
    assert [float(line.split(",")[2]) for line in lines] == rounded(np.array(p_values)).tolist()


@given(st.lists(st.binary(max_size=8), max_size=4))
def test_rejected_rows_keep_their_bytes(raws):
    """The file of rejected rows is CSV, out of which the bytes come back."""
    lines = HEADER + encode_rejected(Rejected('a"b.csv', 3, "width", "bad, row", raw) for raw in raws)
    text = lines.decode("latin-1")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["row"].encode("latin-1") for row in rows] == raws
    assert all((row["source"], row["line"], row["reason"]) == ('a"b.csv', "3", "bad, row") for row in rows)
