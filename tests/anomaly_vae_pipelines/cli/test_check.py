"""``anomaly-vae check``."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def table(tmp_path) -> str:
    rows = [f"{i:03d};{i % 7},5;{'ab'[i % 2]}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["code;x;y", *rows]) + "\n")
    return str(tmp_path / "t.csv")


def test_the_columns_are_shown_in_80_columns(run, table):
    ended = run("check", table)
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0].endswith("40 rows, 3 columns, read as separator semicolon, decimal comma, code text")
    assert max(map(len, lines[1:-1])) <= 80
    assert [line.split()[:2] for line in lines if line.startswith("  ")][1:-1][-3:] == [
        ["code", "identifier"], ["x", "numeric"], ["y", "categorical"],
    ]  # fmt: skip
    assert lines[-1] == "code: hardly repeats a value, so it is left out; say so with --id code"


def test_strict_ends_with_1_if_anything_is_odd(run, table):
    assert run("check", table, "--strict").code == 1


def test_json_has_all_of_it(run, table):
    found = json.loads(run("check", table, "--json").out)
    assert (found["n_rows"], [column["name"] for column in found["columns"]]) == (40, ["code", "x", "y"])


def test_the_page_and_the_schema_are_written(run, table, tmp_path):
    """A fit reads the schema; without --force nothing is replaced."""
    page, schema = str(tmp_path / "t.html"), str(tmp_path / "c.toml")
    assert run("check", table, "--html", page, "--write", schema).code == 0
    assert (tmp_path / "t.html").read_text().startswith("<!doctype html>")
    assert 'kind = "identifier"' in (tmp_path / "c.toml").read_text()
    assert "use --force" in run("check", table, "--write", schema).err
    assert run("check", table, "--write", table, "--force").code == 2


def test_a_question_ends_with_2(run, tmp_path):
    (tmp_path / "q.csv").write_text("1,5\n2,5\n")
    ended = run("check", str(tmp_path / "q.csv"))
    assert (ended.code, ended.out) == (2, "")
    assert "add --sep , or --decimal ," in ended.err


def test_a_schema_is_checked_with_the_words_of_the_report(run, table, tmp_path):
    """Every kind in the report is one that the schema takes; columns left out are not described."""
    schema = tmp_path / "c.toml"
    assert run("check", table, "--write", str(schema)).code == 0
    text = schema.read_text()
    assert [line for line in text.splitlines() if line.startswith("kind")] == [
        'kind = "identifier"', 'kind = "numeric"', 'kind = "categorical"',
    ]  # fmt: skip
    schema.write_text(text.replace('kind = "numeric"', 'kind = "numeric"\nmax = 3'))
    ended = run("check", table, "--columns", str(schema), "--strict")
    assert ended.code == 1
    assert "40 rows, 2 columns" in ended.out
    assert "x: has " in ended.out
    assert "out of its bounds -inf to 3" in ended.out
