"""TypedSource: the common part of files whose columns have types, and TableSource: a table in memory."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack

import numpy as np
import pyarrow as pa

from anomaly_vae_pipelines.arrow_text import row_as_json
from anomaly_vae_pipelines.dialects.reading import TYPED, Reading
from anomaly_vae_pipelines.records import Rejected, Rows
from anomaly_vae_pipelines.sources.blocks import Block, Read, Source, SourcePosition
from anomaly_vae_pipelines.sources.selection import check_unique_names
from anomaly_vae_pipelines.sources.text import cast_columns


class TypedSource(Source):
    """A ``Source`` of typed columns, whose blocks hold record batches; rows have no raw text.

    Attributes
    ----------
    schema : Schema
        Names and types of the columns.
    """

    schema: pa.Schema

    def __init__(self, name: str, reading: Reading | None) -> None:
        self.name = name
        self._typed = TYPED if reading is None else reading.typed()

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
        return Block(pa.RecordBatch.from_pylist([], schema=self.schema))


class TableSource(TypedSource):
    """A whole table as a source; use it as a context manager."""

    def __init__(self, name: str, table: pa.Table, reading: Reading | None, block_rows: int) -> None:
        super().__init__(name, reading)
        self.schema, self.columns = table.schema, tuple(table.column_names)
        check_unique_names(name, None, self.columns)
        self._table, self._block_rows, self._stack = table, block_rows, ExitStack()

    def blocks(self, start: SourcePosition | None = None) -> Iterator[Block]:
        """The blocks from a position on."""
        begin = start.offset if start is not None else 0
        for first in range(begin, len(self._table), self._block_rows):
            piece = self._table.slice(first, self._block_rows).combine_chunks()
            for batch in piece.to_batches():
                end = SourcePosition(first + len(batch), first + len(batch))
                yield Block(batch, SourcePosition(first, first), end)
