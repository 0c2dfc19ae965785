"""Files as people have them are read as a person reads them, or a question names the option that works."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.dialects.dialect import Given
from anomaly_vae_pipelines.errors import AmbiguousError, EmptyRowsWarning
from anomaly_vae_pipelines.runs.check import check_file
from anomaly_vae_pipelines.runs.table_training import TableTraining
from tests.anomaly_vae_pipelines.dialects.behaviours.cases import CASES, REFUSED, WARNED, Case


def read(path: Path, given: Given) -> dict[str, list[Any]]:
    """The columns of a file as a fit reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = TableTraining(str(path), None, [], {}, "tabular", given).data()
    return {
        str(name): [None if cell != cell or cell is None else cell for cell in frame[name].astype(object)]
        for name in frame
    }


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_file_is_read_as_a_person_reads_it(case: Case, tmp_path):
    path = tmp_path / f"table{case.suffix}"
    path.write_bytes(case.content)
    if case.asks:
        with pytest.raises(AmbiguousError) as caught:
            read(path, Given())
        assert case.asks in str(caught.value)
        assert "\n" not in str(caught.value)
    columns = read(path, case.given)
    for name, cells in case.cells.items():
        assert name in columns, list(columns)
        assert (
            columns[name][: len(cells)] == pytest.approx(cells)
            if _are_numbers(cells)
            else columns[name][: len(cells)] == cells
        )


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_table_is_refused_by_its_line(name, tmp_path):
    content, wanted = REFUSED[name]
    path = tmp_path / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=wanted) as caught:
        read(path, Given())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", WARNED)
def test_text_that_looks_like_dates_or_numbers_is_reported(name, tmp_path):
    """By the check of the file too, with the way out."""
    path = tmp_path / "a.csv"
    path.write_text(WARNED[name], encoding="utf-8")
    first, second = check_file(str(path)).columns
    oddity = first.oddities[0]
    assert oddity.startswith("is read as text, not as")
    assert "; write them as" in oddity or "; correct such cells" in oddity
    assert not second.oddities


def test_rows_of_separators_are_left_out(tmp_path):
    """Exports of spreadsheets end with them; a row with one value is a row."""
    path = tmp_path / "a.csv"
    path.write_text("a;b\n1,5;x\n;y\n2,5;x\n;\n;\n")
    with pytest.warns(EmptyRowsWarning, match="2 rows without any value at its end left out"):
        table = TableTraining(str(path), None, [], {}, "tabular").data()
    assert len(table) == 3


def _are_numbers(cells: list[Any]) -> bool:
    return all(isinstance(cell, int | float) for cell in cells)
