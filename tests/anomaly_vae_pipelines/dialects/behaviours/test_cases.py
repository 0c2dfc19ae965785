"""Files as people have them are read as a person reads them, or a question names the option that works."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from anomaly_vae_pipelines.dialects.dialect import Given
from anomaly_vae_pipelines.errors import AmbiguousError
from anomaly_vae_pipelines.runs.table_training import TableTraining
from tests.anomaly_vae_pipelines.dialects.behaviours.cases import CASES, Case


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


def _are_numbers(cells: list[Any]) -> bool:
    return all(isinstance(cell, int | float) for cell in cells)
