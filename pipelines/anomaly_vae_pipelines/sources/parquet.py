"""ParquetSource: a Parquet file, one row group after the other; rows are typed and have no raw text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pyarrow as pa

from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.io.files import opened
from anomaly_vae_pipelines.sources.blocks import Block, SourcePosition
from anomaly_vae_pipelines.sources.selection import check_unique_names
from anomaly_vae_pipelines.sources.truncation import check_not_truncated, stream_size
from anomaly_vae_pipelines.sources.typed import TypedSource

BLOCK_ROWS = 16_384
"""Rows per block."""


class ParquetSource(TypedSource):
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
        super().__init__(path, reading)
        self._block_rows = block_rows
        with ExitStack() as stack:
            file = stack.enter_context(opened(path))
            self._raw, self._length = file.raw, stream_size(file.raw)
            try:
                self._file = stack.enter_context(pq.ParquetFile(file.stream))
                self.schema = self._file.schema_arrow
                self.columns = tuple(self.schema.names)
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

    def clusters(self) -> list[int]:
        """The numbers of rows of the row groups."""
        metadata = self._file.metadata
        return [metadata.row_group(group).num_rows for group in range(self._file.num_row_groups)]

    def cluster(self, number: int) -> Iterator[Block]:
        """The blocks of a row group."""
        return self._group(number, sum(self.clusters()[:number]), 0)

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
