"""A sample of the rows of a file, with every word."""

from __future__ import annotations

import random

import numpy as np
import pytest

from anomaly_vae.sampling import words
from anomaly_vae_pipelines.records import ParsedRows, Rows
from anomaly_vae_pipelines.sources import read_rows
from anomaly_vae_pipelines.sources.delimited import DelimitedSource
from anomaly_vae_pipelines.sources.sampling import RowsReader, sample_rows
from tests.anomaly_vae_pipelines.conftest import text_rows

COLUMNS = ["number", "colour", "id"]


@pytest.fixture(autouse=True)
def few_words(monkeypatch):
    """Ids are texts, though the files are small."""
    monkeypatch.setattr(words, "MAX_WORDS", 30)


def rows_of(n_rows: int, rare: dict[int, tuple[str, str]] | None = None) -> list[list[str]]:
    """Rows with a number, a colour and an id; some have other cells."""
    cells = [[f"{i}.5", "red" if i % 2 else "blue", f"id{i}"] for i in range(n_rows)]
    for row, (number, colour) in (rare or {}).items():
        cells[row][:2] = number, colour
    return cells


def pieces(cells: list[list[str]], size: int) -> list[Rows]:
    return [text_rows(COLUMNS, cells[start : start + size]) for start in range(0, len(cells), size)]


def ids(rows: Rows) -> list[str]:
    return rows.cells("id")


def test_a_file_of_few_rows_is_read_whole():
    """In its order."""
    found = sample_rows(pieces(rows_of(100), 7), 100)
    assert found.n_seen == 100
    assert ids(found.rows) == [f"id{i}" for i in range(100)]


@pytest.mark.parametrize("size", [1, 7, 64, 1_000])
def test_the_sample_does_not_depend_on_the_pieces(size):
    """Nor do the rows that are added."""
    cells = rows_of(500, {3: ("n/a", "green"), 499: ("1.0", "mauve")})
    found = sample_rows(pieces(cells, size), 50, seed=1)
    again = sample_rows(pieces(cells, 500), 50, seed=1)
    assert found.n_seen == 500
    assert ids(found.rows) == ids(again.rows)
    assert len(found.rows) in (50, 51, 52)


def test_a_word_that_comes_once_is_in_the_sample():
    """A category at the end of the file, and a word for missing numbers at its start."""
    cells = rows_of(2_000, {1: ("unknown", "red"), 1_999: ("1.0", "mauve")})
    found = sample_rows(pieces(cells, 100), 20).rows
    assert "mauve" in found.cells("colour")
    assert "unknown" in found.cells("number")
    assert 20 <= len(found) <= 22
    assert len(set(ids(found))) == len(found)


def test_numbers_are_words_only_of_categories():
    """A store of number 17 that comes once is known if stores are categories."""
    cells = rows_of(1_000, {500: ("17", "red")})
    found = sample_rows(pieces(cells, 100), 20)
    assert len(found.rows) == 20
    cells = [[str(i % 5), colour, row_id] for i, (_, colour, row_id) in enumerate(cells)]
    cells[500][0] = "17"
    found = sample_rows(pieces(cells, 100), 20, reader=RowsReader(["number"]))
    assert "17" in found.rows.cells("number")


def test_a_column_of_many_words_is_text():
    """Its words are not collected, which would be all rows."""
    found = sample_rows(pieces(rows_of(300), 50), 20)
    assert len(found.rows) == 20


def test_the_rows_that_are_added_are_few(monkeypatch):
    """The sample stays one."""
    monkeypatch.setattr(words, "MAX_EXAMPLES", 5)
    monkeypatch.setattr(words, "MAX_WORDS", 300)
    found = sample_rows(pieces(rows_of(300), 50), 20)
    assert len(found.rows) == 25
    assert len(set(ids(found.rows))) == 25


def test_the_sample_is_uniform_over_the_file():
    """The mean position is that of uniform draws, within five standard errors."""
    cells = [[str(i), "red", "x"] for i in range(20_000)]
    found = sample_rows(pieces(cells, 999), 2_000).rows
    positions = np.array(found.cells("number"), dtype=float)
    assert abs(positions.mean() - 10_000) < 5 * 20_000 / np.sqrt(12 * 2_000)


@pytest.mark.parametrize("seed", range(6))
def test_parsing_likely_numbers_does_not_change_the_sample(tmp_path, seed):
    """Whatever comes late among the numbers: words, spaces, quotes, other numbers and empty cells."""
    chance = random.Random(seed)
    odd = ["", "NA", " 7", '"8"', '"a,b"', "1e3", "nan", "007", "1,5" if seed % 2 else "x", "12.576"]
    lines = ["a,b,word,id"]
    for row in range(1_500):
        a, b = f"{chance.random():.3f}", str(chance.randrange(99))
        if row > 400 and chance.random() < 0.004 * seed:
            a, b = (chance.choice(odd[:-2]), b) if chance.random() < 0.5 else (a, chance.choice(odd[:-3]))
        lines.append(f"{a},{b},{chance.choice('xyz')},id{row}")
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines))
    found, parsed = [], []

    def noted(pieces):
        for piece in pieces:
            parsed.append(isinstance(piece, ParsedRows))
            yield piece

    for quickly in (False, True):
        reader = RowsReader(texts=["b"] if seed == 5 else [])
        with DelimitedSource(str(path), block_bytes=600) as source:
            likely = reader.likely_numbers if quickly else None
            found.append(sample_rows(noted(read_rows(source, likely=likely)), 60, reader=reader))
        assert any(parsed) == quickly
    slow, quick = found
    assert quick.rows.table.equals(slow.rows.table)
    assert quick.rows.numbers.tolist() == slow.rows.numbers.tolist()
    assert quick.held_out.tolist() == slow.held_out.tolist()


def test_likely_numbers_are_parsed_as_numbers(tmp_path):
    """Until a cell is not a number; the rows that are kept are text."""
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + "".join(f"{i}.50,{i}\n" for i in range(500)) + "x,1\n")
    with DelimitedSource(str(path), block_bytes=400) as source:
        *blocks, last = source.blocks()
        rows, _ = source.read_quickly(blocks[5], ["a", "b"], {"a"})
        assert isinstance(rows, ParsedRows)
        assert list(map(str, rows.table.schema.types)) == ["double", "string"]
        texts = rows.texts(np.array([2, 0]))
        assert texts.numbers.tolist() == [rows.numbers[2], rows.numbers[0]]
        assert texts.cells("a") == [f"{int(b)}.50" for b in texts.cells("b")]
        assert not isinstance(source.read_quickly(last, ["a", "b"], {"a"}).rows, ParsedRows)
