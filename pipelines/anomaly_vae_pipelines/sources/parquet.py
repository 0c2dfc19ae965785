"""ParquetSource: a Parquet file, one row group after the other; rows are typed and have no raw text."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack

import numpy as np
import pyarrow as pa

from anomaly_vae_pipelines.arrow_text import row_as_json
from anomaly_vae_pipelines.dialects.reading import TYPED, Reading
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.io.files import opened
from anomaly_vae_pipelines.records import Rejected, Rows
from anomaly_vae_pipelines.sources.blocks import Block, Read, Source, SourcePosition
from anomaly_vae_pipelines.sources.selection import check_unique_names
from anomaly_vae_pipelines.sources.text import cast_columns
from anomaly_vae_pipelines.sources.truncation import check_not_truncated, stream_size

BLOCK_ROWS = 16_384
"""Rows per block."""


class ParquetSource(Source):
    """A Parquet file. Use it as a context manager.

    Raises
    ------
    SourceError
        If it cannot be opened or is not Parquet, and later if it is damaged; LostInputError if it was
        truncated since it was opened.
    """

    def __init__(self, path: str, *, block_rows: int = BLOCK_ROWS, reading: Reading | None = None) -> None:
        import pyarrow.parquet as pq

        if path == "-":
            raise SourceError("standard input", None, "Parquet cannot be read from a stream; pass a file")
        self.name, self._block_rows = path, block_rows
        self._typed = TYPED if reading is None else reading.typed()
        with ExitStack() as stack:
            file = stack.enter_context(opened(path))
            self._raw, self._length = file.raw, stream_size(file.raw)
            try:
                self._file = stack.enter_context(pq.ParquetFile(file.stream))
                self.columns = tuple(self._file.schema_arrow.names)
            except (pa.ArrowException, OSError) as error:
                raise SourceError(path, None, f"is not a Parquet file ({_line(error)})") from error
            check_unique_names(path, None, self.columns)
            self._stack = stack.pop_all()

    def blocks(self, start: SourcePosition | None = None) -> Iterator[Block]:
        """The blocks from a position on, each of ``block_rows`` rows except the last of a row group."""
        skipped = start.offset if start is not None else 0
        begin = 0
        for group in range(self._file.num_row_groups):
            n_rows = self._file.metadata.row_group(group).num_rows
            if begin + n_rows > skipped:
                yield from self._group(group, begin, skipped)
            begin += n_rows

    def read(
        self, block: Block, wanted: Sequence[str], numeric: Container[str] = (), *, whole: bool = False
    ) -> Read:
        """Some columns of a block as typed; text columns in ``numeric`` as numbers."""
        table = pa.Table.from_batches([block.content])
        first = block.start.offset + 1
        numbers = np.arange(first, first + len(table), dtype=np.int64)
        chosen, bad_cells = cast_columns(table.select(list(wanted)), numeric, *self._typed)
        rows = Rows(self.name, self.columns, chosen, numbers, unit="row", whole=table if whole else None)
        kept = np.ones(len(rows), dtype=bool)
        kept[list(bad_cells)] = False
        rejected = [
            Rejected(self.name, int(numbers[i]), "number", reason, row_as_json(table, i))
            for i, reason in sorted(bad_cells.items())
        ]
        return Read(rows.take(kept), rejected)

    def empty(self) -> Block:
        """A block without rows."""
        return Block(pa.RecordBatch.from_pylist([], schema=self._file.schema_arrow))

    def _group(self, group: int, begin: int, skipped: int) -> Iterator[Block]:
        end = begin
        try:
            for batch in self._file.iter_batches(self._block_rows, row_groups=[group], use_threads=False):
                start, end = end, end + batch.num_rows
                if start >= skipped and batch.num_rows:
                    yield Block(batch, SourcePosition(start, start), SourcePosition(end, end))
        except (pa.ArrowException, OSError) as error:
            check_not_truncated(self.name, self._length, stream_size(self._raw))
            raise SourceError(self.name, end + 1, f"cannot be read ({_line(error)})") from error


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]
