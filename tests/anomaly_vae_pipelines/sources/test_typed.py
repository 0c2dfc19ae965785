"""A table in memory as a source of blocks."""

from __future__ import annotations

import pyarrow as pa
import pytest

from anomaly_vae_pipelines.dialects.dialect import Dialect
from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.sources.blocks import SourcePosition
from anomaly_vae_pipelines.sources.typed import TableSource

TABLE = pa.table({"a": [1.0, -999.0, 3.0], "b": ["x", "?", "y"]})


def cells(source, start=None):
    with source:
        pieces = [source.read(block, ["a", "b"], {"a"}).rows.table for block in source.blocks(start)]
    return pa.concat_tables(pieces).to_pydict()


@pytest.mark.parametrize("block_rows", [1, 2, 10])
def test_all_rows_come_in_order_whatever_the_blocks(block_rows):
    assert cells(TableSource("a.arrow", TABLE, None, block_rows)) == TABLE.to_pydict()


def test_reading_continues_at_a_position():
    assert cells(TableSource("a.arrow", TABLE, None, 10), SourcePosition(2, 2)) == {"a": [3.0], "b": ["y"]}


def test_missing_words_of_the_model_are_missing_here_too():
    """A number that means a missing cell does so in every format."""
    reading = Reading(stored=Dialect(missing=("-999", "?")))
    found = cells(TableSource("a.arrow", TABLE, reading, 10))
    assert found == {"a": [1.0, None, 3.0], "b": ["x", None, "y"]}


def test_a_block_without_rows_has_the_columns():
    source = TableSource("a.arrow", TABLE, None, 10)
    assert source.read(source.empty(), ["b"]).rows.table.column_names == ["b"]


def test_names_must_be_unique():
    with pytest.raises(SourceError, match="2 columns are named 'a'"):
        TableSource("a.arrow", pa.table([[1], [2]], names=["a", "a"]), None, 10)
