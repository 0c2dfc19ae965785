"""Parquet to blocks of rows."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.sources.parquet import ParquetSource

TABLE = pa.table({"n": pa.array(range(25)), "t": [str(i) if i != 7 else "seven" for i in range(25)]})


@pytest.fixture
def path(tmp_path):
    pq.write_table(TABLE, tmp_path / "a.parquet", row_group_size=10)
    return str(tmp_path / "a.parquet")


def test_blocks_are_all_rows_and_can_be_resumed_from(path):
    """No block spans row groups, and any of them can be the first."""
    with ParquetSource(path, block_rows=4) as source:
        blocks = list(source.blocks())
    assert [block.content.num_rows for block in blocks] == [4, 4, 2, 4, 4, 2, 4, 1]
    for number, block in enumerate(blocks):
        with ParquetSource(path, block_rows=4) as source:
            assert [b.start for b in source.blocks(block.start)] == [b.start for b in blocks[number:]]


def test_text_that_should_be_numbers_is_cast_or_rejected(path):
    """Typed columns are unchanged; a text that is not a number is reported with the number of its row."""
    with ParquetSource(path) as source:
        read = [source.read(block, ["t", "n"], {"t", "n"}) for block in source.blocks()]
    assert [row.number for _, rejected in read for row in rejected] == [8]
    assert [number for rows, _ in read for number in rows.numbers] == [i for i in range(1, 26) if i != 8]
    assert read[0].rows.table.schema.types == [pa.float64(), pa.int64()]


def test_a_file_that_is_not_parquet_is_rejected(tmp_path):
    """A wrong suffix and a truncated file are reported in one line."""
    (tmp_path / "a.parquet").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(SourceError, match=r"a\.parquet: is not a Parquet file"):
        ParquetSource(str(tmp_path / "a.parquet"))
    with pytest.raises(SourceError, match="stream"):
        ParquetSource("-")
