"""Staged outputs: written to a hidden file under a lock, and renamed to the target when they are complete.

All rows before a checkpoint are on disk, and a later process can truncate a staged output to it. An output
is complete when all of it is on disk, and published when it is renamed; publishing is idempotent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SinkError
from anomaly_vae_pipelines.io import system
from anomaly_vae_pipelines.io.durable import write_errors
from anomaly_vae_pipelines.io.files import check_output, compression_of, hidden_path, move_into_place
from anomaly_vae_pipelines.sinks.appended import AppendedFile
from anomaly_vae_pipelines.sinks.lock import Lock

Checkpoint = dict[str, Any]
Stamp = dict[str, int]
"""Size and modification time of a complete file, which identify it after it was renamed."""


class StagedOutput:
    """What staged outputs share: their names, their lock, and the step to the target."""

    def __init__(self, path: str, *, force: bool = False) -> None:
        self.path, self.force = path, force
        self.target = check_output(path, force=force)
        self.partial, self.lock = hidden_path(self.target, "partial"), Lock(self.target, path)
        self.whole = self.partial

    def publish(self, stamp: Stamp) -> None:
        """Rename the complete file to the target, unless that was done; raises SinkError if none matches."""
        if self.whole.exists() and _stamp(self.whole) == stamp:
            with write_errors(self.path):
                move_into_place(self.whole, self.target, force=self.force)
                system.sync_directory(self.target.parent)
        elif not self.target.exists() or _stamp(self.target) != stamp:
            raise _mismatch(self.whole)


class StagedFile(StagedOutput):
    """A staged file of bytes, compressed if the suffix of its name is that of a codec.

    Each piece is compressed independently, which readers of these formats support, so that the same pieces
    give the same bytes, in one run or in several.
    """

    def __init__(self, path: str, *, force: bool = False) -> None:
        super().__init__(path, force=force)
        self._codec = compression_of(path)
        self._stream: AppendedFile | None = None

    def write(self, piece: bytes) -> None:
        """Append a piece that ``compress`` returned."""
        with write_errors(self.path):
            self._opened().write(piece)

    def compress(self, piece: bytes) -> bytes:
        """The piece as it is stored in the file; thread-safe."""
        if self._codec is None or not piece:
            return piece
        stream = pa.BufferOutputStream()
        with pa.CompressedOutputStream(stream, self._codec) as compressed:
            compressed.write(piece)
        return bytes(stream.getvalue())

    def checkpoint(self) -> Checkpoint:
        """Flush all rows to disk; returns the checkpoint for ``restore``."""
        with write_errors(self.path):
            stream = self._opened()
            stream.sync()
            return {"size": stream.tell()}

    def restore(self, checkpoint: Checkpoint) -> None:
        """Truncate the file to a checkpoint; raises SinkError if it is shorter."""
        size = checkpoint["size"]
        self.lock.acquire()
        if not self.partial.exists() or self.partial.stat().st_size < size:
            raise _mismatch(self.partial)
        with write_errors(self.path):
            self._opened(size)

    def complete(self) -> Stamp:
        """Flush the complete file to disk, under its hidden name."""
        with write_errors(self.path):
            stream = self._opened()
            stream.sync()
            stream.close()
        return _stamp(self.partial)

    def close(self, *, keep: bool) -> None:
        """Close the file and release its lock; without ``keep``, remove the hidden files."""
        if self._stream is not None:
            self._stream.discard()
        if self.lock.is_held and not keep:
            system.remove(self.partial)
        self.lock.release(keep=keep)

    def _opened(self, size: int = 0) -> AppendedFile:
        """The staged file, truncated to ``size`` when it is first opened."""
        if self._stream is None:
            self.lock.acquire()
            self._stream = AppendedFile(self.partial, size)
            system.sync_directory(self.partial.parent)
        return self._stream


class StagedParquet(StagedOutput):
    """A staged Parquet file with one row group per table.

    A Parquet file ends with an index, so nothing can be appended to it. So every checkpoint ends one of
    several parts, and ``complete`` copies their row groups into one file.
    """

    def __init__(self, path: str, *, force: bool = False) -> None:
        super().__init__(path, force=force)
        self.whole = self.partial / "whole"
        self._parts = 0
        self._schema: pa.Schema | None = None
        self._writer: _PartWriter | None = None

    def write(self, piece: pa.Table) -> None:
        """Append a table, cast to the types of the first one, which may have no rows."""
        with write_errors(self.path):
            self._schema = self._schema or piece.schema
            self._opened(self._schema).write(_cast(piece, self._schema, self.path))

    def compress(self, piece: pa.Table) -> pa.Table:
        """The table, unchanged."""
        return piece

    def checkpoint(self) -> Checkpoint:
        """End the current part; returns the checkpoint for ``restore``."""
        with write_errors(self.path):
            if self._writer is not None:
                self._writer.finish()
                system.sync_directory(self.partial)
                self._writer, self._parts = None, self._parts + 1
        return {"parts": self._parts}

    def restore(self, checkpoint: Checkpoint) -> None:
        """Remove the parts after a checkpoint; raises SinkError if one before it is missing."""
        self.lock.acquire()
        n_parts = checkpoint["parts"]
        kept = [self._part(i) for i in range(n_parts)]
        if not n_parts or not all(part.exists() for part in kept):
            raise _mismatch(self.partial)
        for path in self.partial.iterdir():
            if path not in kept:
                system.remove(path)
        self._parts, self._schema = n_parts, _schema_of(kept[0])

    def complete(self) -> Stamp:
        """Copy the row groups of all parts into one file, and flush it to disk."""
        import pyarrow.parquet as pq

        self.checkpoint()
        with write_errors(self.path):
            self._writer = _PartWriter(self.whole, pq.read_schema(self._part(0)))
            for i in range(self._parts):
                _copy_groups(self._part(i), self._writer)
            self._writer.finish()
            self._writer = None
            system.sync_directory(self.partial)
        return _stamp(self.whole)

    def close(self, *, keep: bool) -> None:
        """Close the parts and release their lock; without ``keep``, remove the hidden files."""
        if self._writer is not None:
            self._writer.discard()
            self._writer = None
        if self.lock.is_held and not keep:
            system.remove_tree(self.partial)
        self.lock.release(keep=keep)

    def _opened(self, schema: pa.Schema) -> _PartWriter:
        if self._writer is None:
            self.lock.acquire()
            if not self._parts:
                system.remove_tree(self.partial)
            if not self.partial.is_dir():
                system.calls.mkdir(self.partial)
                system.sync_directory(self.partial.parent)
            self._writer = _PartWriter(self._part(self._parts), schema)
        return self._writer

    def _part(self, number: int) -> Path:
        return self.partial / f"{number:08d}"


class _PartWriter:
    """A part, which is a Parquet file that is being written."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        self._stream = AppendedFile(path)
        try:
            self._writer = pq.ParquetWriter(self._stream, schema, use_dictionary=_with_dictionary(schema))
        except BaseException:
            self._stream.discard()
            raise

    def write(self, table: pa.Table) -> None:
        """Append a row group."""
        self._writer.write_table(table, row_group_size=max(1, len(table)))

    def finish(self) -> None:
        """Write the index and flush the file to disk."""
        self._writer.close()
        self._stream.sync()
        self._stream.close()

    def discard(self) -> None:
        """Close the file without an index; the one that pyarrow writes when it is freed is ignored."""
        self._writer.is_open = False
        self._stream.discard()


def _with_dictionary(schema: pa.Schema) -> bool | list[str]:
    """Columns to write with a dictionary of their values: most floats differ, and take longer with one.

    Columns of lists and structures cannot be named: in a table with such columns, all have one.
    """
    if any(map(pa.types.is_nested, schema.types)):
        return True
    return [field.name for field in schema if not pa.types.is_floating(field.type)]


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}


def _schema_of(path: Path) -> pa.Schema:
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise _mismatch(path.parent) from error


def _mismatch(path: Path) -> SinkError:
    return SinkError(f"{path}: does not match the last checkpoint; start over without --resume")


def _cast(table: pa.Table, schema: pa.Schema, path: str) -> pa.Table:
    """A table cast to the types of the first one; raises InputError if that fails."""
    if table.schema.equals(schema):
        return table
    try:
        return table.cast(schema)
    except (pa.ArrowException, ValueError) as error:
        why = str(error).partition("\n")[0]
        raise InputError(
            f"{path}: an input has other column types than the inputs before it ({why}); score it "
            f"separately, or write CSV"
        ) from error


def _copy_groups(path: Path, writer: _PartWriter) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as part:
        for group in range(part.num_row_groups):
            writer.write(part.read_row_group(group))
