"""Staged outputs: written beside their place under a lock, and moved there when they are whole.

What a checkpoint covers is on disk, and a later process can cut a staged output back to it. An output is
sealed when all of it is on disk, and published when it is moved; publishing can be repeated.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SinkError
from anomaly_vae_pipelines.io import system
from anomaly_vae_pipelines.io.files import beside, check_output, compression_of, move_into_place, write_errors
from anomaly_vae_pipelines.sinks.appended import AppendedFile
from anomaly_vae_pipelines.sinks.lock import Lock

Checkpoint = dict[str, Any]
Stamp = dict[str, int]
"""Size and time of a sealed file, by which it is recognised after it was moved."""


class Output(Protocol):
    """Where encoded rows go, in order."""

    def write(self, piece: Any) -> None:
        """Append a piece."""

    def packed(self, piece: Any) -> Any:
        """A piece as it lies in the file; any thread may do this."""

    def seal(self) -> Stamp:
        """Bring the whole output to disk, beside its place."""

    def publish(self, stamp: Stamp) -> None:
        """Put the sealed output in its place; does nothing where it is there already."""

    def finish(self) -> None:
        """Seal, publish and close."""

    def close(self, *, keep: bool) -> None:
        """Give up the output and its lock; without ``keep`` nothing hidden is left behind."""


class StagedFile:
    """Bytes on their way to one file, compressed piece by piece where its name says so.

    Every piece is compressed by itself, which all readers of these formats take for one file, so that
    the same pieces give the same bytes, in one run or in several.
    """

    def __init__(self, path: str, *, force: bool = False) -> None:
        self.path, self.force = path, force
        self.target = check_output(path, force=force)
        self.partial, self.lock = beside(self.target, "partial"), Lock(self.target, path)
        self._codec = compression_of(path)
        self._stream: AppendedFile | None = None

    def write(self, piece: bytes) -> None:
        """Append a piece, compressed as ``packed`` does if it comes from there."""
        with write_errors(self.path):
            self._opened().write(piece)

    def packed(self, piece: bytes) -> bytes:
        """A piece as it lies in the file; any thread may do this."""
        if self._codec is None or not piece:
            return piece
        stream = pa.BufferOutputStream()
        with pa.CompressedOutputStream(stream, self._codec) as compressed:
            compressed.write(piece)
        return bytes(stream.getvalue())

    def checkpoint(self) -> Checkpoint:
        """Bring all that was written to disk; gives what ``restore`` needs to return to this point."""
        with write_errors(self.path):
            stream = self._opened()
            stream.sync()
            return {"size": stream.tell()}

    def restore(self, checkpoint: Checkpoint) -> None:
        """Cut off what was written after a checkpoint; raises SinkError where the file is shorter."""
        size = checkpoint["size"]
        self.lock.acquire()
        if not self.partial.exists() or self.partial.stat().st_size < size:
            raise _not_left(self.partial)
        with write_errors(self.path):
            self._opened(size)

    def seal(self) -> Stamp:
        """Bring the whole file to disk, beside its place."""
        with write_errors(self.path):
            stream = self._opened()
            stream.sync()
            stream.close()
        return _stamp(self.partial)

    def publish(self, stamp: Stamp) -> None:
        """Put the sealed file in its place; does nothing where it is there already."""
        _publish(self.partial, self.target, stamp, self.path, force=self.force)

    def finish(self) -> None:
        """Seal, publish and close."""
        self.publish(self.seal())
        self.close(keep=False)

    def close(self, *, keep: bool) -> None:
        """Give up the file and its lock."""
        if self._stream is not None:
            self._stream.discard()
        if self.lock.is_held and not keep:
            system.remove(self.partial)
        self.lock.release(keep=keep)

    def _opened(self, size: int = 0) -> AppendedFile:
        """The staged file, with its first bytes kept when it is opened."""
        if self._stream is None:
            self.lock.acquire()
            self._stream = AppendedFile(self.partial, size)
            system.sync_directory(self.partial.parent)
        return self._stream


class StagedParquet:
    """Tables on their way to one Parquet file, a row group a table.

    A Parquet file ends with an index, so nothing can be added to it. So every checkpoint ends one of
    several files, and ``seal`` copies their row groups into one.
    """

    def __init__(self, path: str, *, force: bool = False) -> None:
        self.path, self.force = path, force
        self.target = check_output(path, force=force)
        self.partial, self.lock = beside(self.target, "partial"), Lock(self.target, path)
        self._whole = self.partial / "whole"
        self._parts = 0
        self._schema: pa.Schema | None = None
        self._writer: _PartWriter | None = None

    def write(self, piece: pa.Table) -> None:
        """Append a table, cast to the types of the first; one without rows still tells the columns."""
        with write_errors(self.path):
            self._schema = self._schema or piece.schema
            self._opened(self._schema).write(_like(piece, self._schema, self.path))

    def packed(self, piece: pa.Table) -> pa.Table:
        """The table as it is."""
        return piece

    def checkpoint(self) -> Checkpoint:
        """End the file that is being written; gives what ``restore`` needs to return to this point."""
        with write_errors(self.path):
            if self._writer is not None:
                self._writer.finish()
                system.sync_directory(self.partial)
                self._writer, self._parts = None, self._parts + 1
        return {"parts": self._parts}

    def restore(self, checkpoint: Checkpoint) -> None:
        """Remove the files after a checkpoint; raises SinkError where one before it is gone."""
        self.lock.acquire()
        n_parts = checkpoint["parts"]
        kept = [self._part(i) for i in range(n_parts)]
        if not n_parts or not all(part.exists() for part in kept):
            raise _not_left(self.partial)
        for path in self.partial.iterdir():
            if path not in kept:
                system.remove(path)
        self._parts, self._schema = n_parts, _schema_of(kept[0])

    def seal(self) -> Stamp:
        """Copy the row groups into one file beside its place, and bring it to disk."""
        self.checkpoint()
        with write_errors(self.path):
            self._writer = _PartWriter(self._whole, pq.read_schema(self._part(0)))
            for i in range(self._parts):
                _copy_groups(self._part(i), self._writer)
            self._writer.finish()
            self._writer = None
            system.sync_directory(self.partial)
        return _stamp(self._whole)

    def publish(self, stamp: Stamp) -> None:
        """Put the sealed file in its place; does nothing where it is there already."""
        _publish(self._whole, self.target, stamp, self.path, force=self.force)

    def finish(self) -> None:
        """Seal, publish and close."""
        self.publish(self.seal())
        self.close(keep=False)

    def close(self, *, keep: bool) -> None:
        """Give up the files and their lock."""
        if self._writer is not None:
            self._writer.discard()
            self._writer = None
        if self.lock.is_held and not keep:
            system.remove_tree(self.partial)
        self.lock.release(keep=keep)

    def _opened(self, schema: pa.Schema) -> _PartWriter:
        if self._writer is None:
            self._make_directory()
            self._writer = _PartWriter(self._part(self._parts), schema)
        return self._writer

    def _make_directory(self) -> None:
        self.lock.acquire()
        if not self._parts:
            system.remove_tree(self.partial)
        if not self.partial.is_dir():
            system.calls.mkdir(self.partial)
            system.sync_directory(self.partial.parent)

    def _part(self, number: int) -> Path:
        return self.partial / f"{number:08d}"


class _PartWriter:
    """One Parquet file that is being written."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._stream = AppendedFile(path)
        try:
            self._writer = pq.ParquetWriter(self._stream, schema)
        except BaseException:
            self._stream.discard()
            raise

    def write(self, table: pa.Table) -> None:
        """Add a row group."""
        self._writer.write_table(table, row_group_size=max(1, len(table)))

    def finish(self) -> None:
        """Write the index and bring the file to disk."""
        self._writer.close()
        self._stream.sync()
        self._stream.close()

    def discard(self) -> None:
        """Close the file where it stands; the index that pyarrow writes when it is freed goes nowhere."""
        self._writer.is_open = False
        self._stream.discard()


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}


def _publish(sealed: Path, target: Path, stamp: Stamp, name: str, *, force: bool) -> None:
    """Move a sealed file to its place, if it is not there; raises SinkError where it is in neither."""
    if sealed.exists() and _stamp(sealed) == stamp:
        with write_errors(name):
            move_into_place(sealed, target, force=force)
            system.sync_directory(target.parent)
    elif not target.exists() or _stamp(target) != stamp:
        raise _not_left(sealed)


def _schema_of(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise _not_left(path.parent) from error


def _not_left(path: Path) -> SinkError:
    return SinkError(f"{path}: is not what the last run left; start over without --resume")


def _like(table: pa.Table, schema: pa.Schema, path: str) -> pa.Table:
    """A table with the column types of the first; raises InputError where its cells cannot have them."""
    if table.schema.equals(schema):
        return table
    try:
        return table.cast(schema)
    except (pa.ArrowException, ValueError) as error:
        why = str(error).partition("\n")[0]
        raise InputError(
            f"{path}: the columns of one input are not of the types of those before ({why}); score it by "
            f"itself, or to CSV"
        ) from error


def _copy_groups(path: Path, writer: _PartWriter) -> None:
    with pq.ParquetFile(path) as part:
        for group in range(part.num_row_groups):
            writer.write(part.read_row_group(group))
