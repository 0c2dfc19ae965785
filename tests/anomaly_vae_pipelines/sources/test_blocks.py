"""The laws of every source: its blocks follow each other, and reading can start at any of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_vae_pipelines.images.frame import Frame
from anomaly_vae_pipelines.images.layouts import list_images
from anomaly_vae_pipelines.sources.arrays import ArraySource
from anomaly_vae_pipelines.sources.blocks import Source, SourcePosition
from anomaly_vae_pipelines.sources.delimited import DelimitedSource
from anomaly_vae_pipelines.sources.images import ImageSource
from anomaly_vae_pipelines.sources.jsonl import JsonLinesSource
from anomaly_vae_pipelines.sources.parquet import ParquetSource
from tests.anomaly_vae_pipelines.image_files import SIZE, plates_of, write_images

N_ROWS = 20
KINDS = ["csv", "jsonl", "parquet", "images", "array"]
FRAME = Frame(size=SIZE, channels=1)
TWO_IMAGES = 2 * FRAME.n_values


@pytest.fixture
def source(request: pytest.FixtureRequest, tmp_path: Path):
    """A function that opens the same rows as a source of small blocks."""
    cells = [str(number) for number in range(N_ROWS)]
    csv, jsonl, parquet, array = (tmp_path / f"a.{suffix}" for suffix in ("csv", "jsonl", "parquet", "npy"))
    csv.write_text("\n".join(["a", *cells]) + "\n")
    jsonl.write_text("".join(f'{{"a": {cell}}}\n' for cell in cells))
    pq.write_table(pa.table({"a": cells}), parquet, row_group_size=7)
    np.save(array, plates_of(N_ROWS, seed=0))
    folder = write_images(tmp_path / "images", plates_of(N_ROWS, seed=0))
    return {
        "csv": lambda: DelimitedSource(str(csv), block_bytes=8),
        "jsonl": lambda: JsonLinesSource(str(jsonl), block_bytes=32),
        "parquet": lambda: ParquetSource(str(parquet), block_rows=3),
        "images": lambda: ImageSource("images", list_images(str(folder)), FRAME, block_values=TWO_IMAGES),
        "array": lambda: ArraySource(str(array), FRAME, block_values=TWO_IMAGES),
    }[request.param]


def rows_from(source: Source, start: SourcePosition | None = None) -> list[tuple[int, str]]:
    """Numbers and first cells of the rows from a position on."""
    found = []
    for block in source.blocks(start):
        rows, rejected = source.read(block, source.columns)
        assert not rejected
        found += zip(rows.numbers.tolist(), rows.cells(source.columns[-1]), strict=True)
    return found


@pytest.mark.parametrize("source", KINDS, indirect=True)
def test_blocks_follow_each_other(source):
    """Each starts where the one before it ends, and together they have all rows, in order."""
    with source() as opened:
        blocks = list(opened.blocks())
    assert len(blocks) > 3
    assert [block.end for block in blocks[:-1]] == [block.start for block in blocks[1:]]
    assert all(earlier.n_bytes <= later.n_bytes for earlier, later in pairwise(blocks))
    with source() as opened:
        numbers = [number for number, _ in rows_from(opened)]
    assert len(numbers) == N_ROWS
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("source", KINDS, indirect=True)
def test_reading_can_start_at_any_block(source):
    """Rows and their numbers are those of a run from the start."""
    with source() as opened:
        all_rows = rows_from(opened)
    with source() as opened:
        starts = [(block.start, len(opened.read(block, ()).rows)) for block in opened.blocks()]
    position = 0
    for start, n_rows in starts:
        with source() as opened:
            assert rows_from(opened, start) == all_rows[position:]
        position += n_rows


@pytest.mark.parametrize("source", KINDS, indirect=True)
def test_an_empty_block_has_the_columns_and_no_rows(source):
    """So an output of no rows has the same columns as any other."""
    with source() as opened:
        rows, rejected = opened.read(opened.empty(), opened.columns)
        first, _ = opened.read(next(opened.blocks()), opened.columns)
    assert (len(rows), rejected, rows.columns) == (0, [], opened.columns)
    assert rows.table.schema.names == first.table.schema.names
