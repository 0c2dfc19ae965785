"""DataFrames to CSV files."""

from __future__ import annotations

import pandas as pd
import pytest

from anomaly_vae_pipelines.errors import OutputExistsError
from anomaly_vae_pipelines.runs import table_writing
from anomaly_vae_pipelines.runs.table_writing import write_table


@pytest.mark.parametrize("piece_cells", [1, 7, 500_000])
def test_a_table_comes_back_as_it_was_written(tmp_path, monkeypatch, piece_cells):
    """With one header, however many rows are written at a time."""
    monkeypatch.setattr(table_writing, "_PIECE_CELLS", piece_cells)
    table = pd.DataFrame({"a": [0.1, -2.5, 1e300], "b": ["x,y", 'say "z"', "007"]})
    path = tmp_path / "a.csv"
    assert write_table(table, str(path)) == 3
    pd.testing.assert_frame_equal(pd.read_csv(path), table)


def test_an_existing_file_is_replaced_only_with_force(tmp_path):
    """Without it the old file is unchanged."""
    path = tmp_path / "a.csv"
    path.write_text("old")
    table = pd.DataFrame({"a": [1.5]})
    with pytest.raises(OutputExistsError):
        write_table(table, str(path))
    assert path.read_text() == "old"
    write_table(table, str(path), force=True)
    assert path.read_text().splitlines() == ["a", "1.5"]
