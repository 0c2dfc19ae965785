"""The description of a dialect in a model file is checked, as the file may be forged."""

from __future__ import annotations

import pytest

from anomaly_vae.errors import ModelFileError
from anomaly_vae.model_file.dialect import DIALECT, check_dialect

GOOD = {
    "separator": ";", "decimal": ",", "thousands": ".", "encoding": "cp1252", "header": False,
    "missing": ["?"],
    "columns": {
        "a": {"form": "number", "decimal": ",", "suffix": "kg", "negative": "()", "missing": ["-"]},
        "b": {"form": "date", "order": "dmy"}, "c": {"form": "clock"}, "d": {"form": "text"},
    },
}  # fmt: skip


def check(dialect):
    check_dialect({DIALECT: dialect}, ["a", "b", "c", "d"])


def test_a_valid_description_and_none_pass():
    check(GOOD)
    check({})
    check_dialect({}, [])


@pytest.mark.parametrize(
    "change",
    [
        {"separator": ";;"}, {"separator": "\n"}, {"separator": None}, {"decimal": "x"}, {"decimal": ["."]},
        {"thousands": ","}, {"encoding": "zip"}, {"encoding": "../x"}, {"encoding": "base64"}, {"header": 1},
        {"missing": "?"}, {"missing": [1]}, {"missing": ["\ud800"]}, {"missing": ["x"] * 1000},
        {"missing": ["x" * 1000]}, {"other": 1}, {"columns": []}, {"columns": {"z": {"form": "text"}}},
        {"columns": {"a": {"form": "eval"}}}, {"columns": {"a": {"form": ["text"]}}},
        {"columns": {"a": {"form": "date", "order": "xyz"}}}, {"columns": {"a": "text"}},
        {"columns": {"a": {"form": "number", "suffix": "1"}}},
        {"columns": {"a": {"form": "number", "x": 1}}}, {"columns": {"a": {"form": "text", "missing": 3}}},
        {"comment": "(a+)+$"}, {"quote": "x"}, {"separator": "é"}, {"encoding": "undefined"},
        {"encoding": "unicode_escape"}, {"encoding": "punycode"}, {"encoding": "utf-8\0"},
        {"columns": {"a": {"form": "number", "decimal": ",", "thousands": ","}}},
        {"columns": {"a": {"form": "number", "decimal": "."  , "thousands": "."}}},
    ],
)  # fmt: skip
def test_anything_else_is_refused(change):
    with pytest.raises(ModelFileError, match="its dialect"):
        check(GOOD | change)


@pytest.mark.parametrize("dialect", [None, [], "x", 1])
def test_another_type_is_refused(dialect):
    with pytest.raises(ModelFileError, match="its dialect"):
        check(dialect)
