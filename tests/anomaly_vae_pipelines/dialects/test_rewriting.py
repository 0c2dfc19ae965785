"""Unusual dialects as plain CSV."""

from __future__ import annotations

import csv

import pytest

from anomaly_vae_pipelines.dialects.dialect import Dialect
from anomaly_vae_pipelines.dialects.rewriting import rewritten


@pytest.mark.parametrize(
    ("dialect", "line", "cells"),
    [
        (Dialect(separator=" ", trim=True), "  1   2.5\tx ", ["1", "2.5", "x"]),
        (Dialect(separator=" ", trim=True), '1 "a b" 2,5', ["1", "a b", "2,5"]),
        (Dialect(quote="'"), "'a, b',1", ["a, b", "1"]),
        (Dialect(escape=True), r'1,"5\" pipe"', ["1", '5" pipe']),
        (Dialect(spaced=True, trim=True), '1, "a, b"', ["1", "a, b"]),
        (Dialect(comment="#"), "# 1,2", []),
    ],
)
def test_the_cells_are_those_of_the_line(dialect, line, cells):
    assert list(csv.reader([rewritten(line, dialect)])) == ([cells] if cells else [[]])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_line_stays_a_line(end):
    """So the numbers of lines in messages are those of the file."""
    text = end.join(["# a", "1 2", "", "3 4", ""])
    assert rewritten(text, Dialect(separator=" ", comment="#")).split(end) == ["", "1,2", "", "3,4", ""]
