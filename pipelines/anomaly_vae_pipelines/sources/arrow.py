"""ArrowSource: a Feather file, or an Arrow IPC file or stream."""

from __future__ import annotations

import pyarrow as pa

from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.io.files import opened
from anomaly_vae_pipelines.sources.parquet import BLOCK_ROWS
from anomaly_vae_pipelines.sources.typed import TableSource

_FILE_MAGIC = b"ARROW1"


class ArrowSource(TableSource):
    """An Arrow file, which is read as a whole. Use it as a context manager.

    Raises
    ------
    SourceError
        If it cannot be opened, or is not Arrow.
    """

    def __init__(self, path: str, *, block_rows: int = BLOCK_ROWS, reading: Reading | None = None) -> None:
        with opened(path) as file:
            data = file.stream.read()
        try:
            is_file = data.startswith(_FILE_MAGIC)
            open_ = pa.ipc.open_file if is_file else pa.ipc.open_stream
            with open_(pa.BufferReader(data)) as reader:
                table = reader.read_all()
        except (pa.ArrowException, OSError) as error:
            problem = f"is not an Arrow file ({str(error).splitlines()[0]})"
            raise SourceError(path, None, problem) from error
        super().__init__(path, table, reading, block_rows)
