"""Staged outputs: written beside their place, cut back to the last mark after a crash, moved at the end.

A mark is a promise kept on disk: what was written before it is there after a power cut. The journal
beside the output holds the last mark, and whatever else a run needs to go on from it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from anomaly_vae.errors import InputError
from pipelines.errors import SinkError
from pipelines.files import (
    check_output,
    check_url,
    compression_of,
    is_special,
    is_url,
    move_into_place,
    upload,
    write_errors,
)

Mark = dict[str, Any]

_NOT_LEFT = "is not what the last run left; start afresh without --resume"


class Output(Protocol):
    """Where encoded rows go, in order."""

    def write(self, piece: Any) -> None:
        """Append a piece."""

    def mark(self) -> Mark:
        """Bring all that was written to disk; gives what ``go_back`` needs to return to this point."""

    def go_back(self, mark: Mark) -> None:
        """Forget what was written after a mark of an earlier process."""

    def finish(self) -> None:
        """Put the output in its place."""

    def close(self, *, keep: bool) -> None:
        """Let go of the output where it stands; without ``keep`` nothing of it is left behind."""


class StagedFile:
    """Bytes on their way to one file, compressed piece by piece where its name says so.

    Every piece is compressed by itself, which all readers of these formats take for one file, so that
    the same pieces give the same bytes, in one run or in several.
    """

    def __init__(self, path: str, *, force: bool = False) -> None:
        self.path, self.force = path, force
        self.target = check_output(path, force=force)
        self.partial = beside(self.target, "partial")
        self._codec = compression_of(path)
        self._stream: IO[bytes] | None = None

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

    def mark(self) -> Mark:
        """Bring all that was written to disk."""
        with write_errors(self.path):
            stream = self._opened()
            stream.flush()
            os.fsync(stream.fileno())
            return {"size": stream.tell()}

    def go_back(self, mark: Mark) -> None:
        """Cut off what was written after the mark; raises SinkError where the file is shorter than that."""
        with write_errors(self.path):
            if not self.partial.exists() or self.partial.stat().st_size < mark["size"]:
                raise SinkError(
                    f"{self.partial}: is not what the last run left; start afresh without --resume"
                )
            self._opened(mark["size"])

    def finish(self) -> None:
        """Put the file in its place, or nothing where nothing was written."""
        with write_errors(self.path):
            self._opened().close()
            move_into_place(self.partial, self.target, force=self.force)

    def close(self, *, keep: bool) -> None:
        """Let go of the file."""
        if self._stream is not None:
            with suppress(OSError):  # what cannot be written any more was said where it was written
                self._stream.close()
        if not keep:
            self.partial.unlink(missing_ok=True)

    def _opened(self, size: int = 0) -> IO[bytes]:
        """The file, which no other run writes to, with so many bytes in it to begin with."""
        if self._stream is None:
            self._stream = self.partial.open("ab")
            _lock(self._stream, self.path)
            self._stream.truncate(size)
        return self._stream


class StagedParquet:
    """Tables on their way to one Parquet file, a row group a table.

    A Parquet file ends with an index and cannot be gone on with. So every mark ends one of several
    files, and ``finish`` copies their row groups into one.
    """

    def __init__(self, path: str, *, force: bool = False) -> None:
        self.path, self.force = path, force
        self.target = check_output(path, force=force)
        self.partial = beside(self.target, "partial")
        self._parts = 0
        self._writer: pq.ParquetWriter | None = None

    def write(self, piece: pa.Table) -> None:
        """Append a table; one without rows still tells the columns."""
        with write_errors(self.path):
            if self._writer is None:
                self._make_directory()
                self._writer = pq.ParquetWriter(self._part(self._parts), piece.schema)
            piece = _like(piece, self._writer.schema, self.path)
            self._writer.write_table(piece, row_group_size=max(1, len(piece)))

    def packed(self, piece: pa.Table) -> pa.Table:
        """The table as it is."""
        return piece

    def mark(self) -> Mark:
        """End the file that is being written."""
        with write_errors(self.path):
            if self._writer is not None:
                self._writer.close()
                self._writer = None
                _to_disk(self._part(self._parts))
                self._parts += 1
        return {"parts": self._parts}

    def go_back(self, mark: Mark) -> None:
        """Forget the files after the mark; raises SinkError where one before it is gone."""
        self._parts = mark["parts"]
        if not all(self._part(i).exists() for i in range(self._parts)):
            raise SinkError(f"{self.partial}: {_NOT_LEFT}")
        self._part(self._parts).unlink(missing_ok=True)

    def finish(self) -> None:
        """Copy the row groups into one file, and put it in its place."""
        self.mark()
        whole = self.partial / "whole"
        with write_errors(self.path):
            with pq.ParquetWriter(whole, pq.read_schema(self._part(0))) as writer:
                for i in range(self._parts):
                    _copy_groups(self._part(i), writer)
            move_into_place(whole, self.target, force=self.force)
        self.close(keep=False)

    def close(self, *, keep: bool) -> None:
        """Let go of the files."""
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()
            self._writer = None
        if not keep:
            shutil.rmtree(self.partial, ignore_errors=True)

    def _make_directory(self) -> None:
        if not self._parts:
            shutil.rmtree(self.partial, ignore_errors=True)
        self.partial.mkdir(exist_ok=True)

    def _part(self, number: int) -> Path:
        return self.partial / f"{number:08d}"


class DirectOutput:
    """Standard output, a pipe or a device: written to as it is, with nothing to go back to."""

    def __init__(self, path: str) -> None:
        self.path = "standard output" if path == "-" else path
        self._codec = compression_of(path)
        sys.stdout.flush()
        with write_errors(self.path):
            self._stream: IO[bytes] = sys.stdout.buffer if path == "-" else Path(path).open("wb")  # noqa: SIM115
        self._is_ours = path != "-"

    def write(self, piece: bytes) -> None:
        """Append a piece."""
        with write_errors(self.path):
            self._stream.write(piece)

    def packed(self, piece: bytes) -> bytes:
        """The piece as it is."""
        return piece

    def mark(self) -> Mark:
        """Hand over what was written."""
        with write_errors(self.path):
            self._stream.flush()
        return {}

    def go_back(self, mark: Mark) -> None:
        """Raise SinkError: what was sent is sent."""
        raise SinkError(f"{self.path}: cannot be gone on with; --resume needs the name of a file")

    def finish(self) -> None:
        """Hand over what was written."""
        self.mark()
        self.close(keep=True)

    def close(self, *, keep: bool) -> None:
        """Let go of what was opened here."""
        if self._is_ours:
            with suppress(OSError):
                self._stream.close()


class Journal:
    """The last mark of a run on disk, replaced as a whole."""

    def __init__(self, target: Path) -> None:
        self.path = beside(target, "journal")

    def read(self) -> dict[str, Any] | None:
        """What was last written, None where there is nothing of use."""
        try:
            state = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return state if isinstance(state, dict) else None

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace it."""
        temporary = self.path.with_name(self.path.name + ".new")
        with write_errors(str(self.path)):
            temporary.write_text(json.dumps(state), encoding="utf-8")
            _to_disk(temporary)
            os.replace(temporary, self.path)

    def remove(self) -> None:
        """Forget the run."""
        self.path.unlink(missing_ok=True)


class UploadedOutput:
    """An output that is staged on this machine, and copied to a URL when it is whole."""

    def __init__(self, url: str, file_format: str, *, force: bool = False) -> None:
        check_url(url, force=force)
        self.path = url
        self._directory = tempfile.TemporaryDirectory(prefix="anomaly-vae-")
        self._local = str(Path(self._directory.name) / url.rpartition("/")[2])
        self._staged = _staged(self._local, file_format, force=False)

    def write(self, piece: Any) -> None:
        """Append a piece."""
        self._staged.write(piece)

    def packed(self, piece: Any) -> Any:
        """A piece as it lies in the file."""
        return self._staged.packed(piece)

    def mark(self) -> Mark:
        """Nothing that outlasts this process."""
        return {}

    def go_back(self, mark: Mark) -> None:
        """Raise SinkError: what was staged is gone with the process."""
        raise SinkError(f"{self.path}: cannot be gone on with; --resume needs a local file")

    def finish(self) -> None:
        """Copy the whole output to its URL."""
        self._staged.finish()
        upload(Path(self._local), self.path)
        self._directory.cleanup()

    def close(self, *, keep: bool) -> None:
        """Forget what was staged."""
        self._staged.close(keep=False)
        self._directory.cleanup()


AnyOutput = StagedFile | StagedParquet | UploadedOutput | DirectOutput


def make_output(path: str, file_format: str, *, force: bool = False) -> AnyOutput:
    """The output of a path; raises InputError or OutputExistsError where it cannot or may not be."""
    if is_url(path):
        return UploadedOutput(path, file_format, force=force)
    if path == "-" or is_special(Path(path)):
        return DirectOutput(path)
    return _staged(path, file_format, force=force)


def _staged(path: str, file_format: str, *, force: bool) -> StagedFile | StagedParquet:
    return StagedParquet(path, force=force) if file_format == "parquet" else StagedFile(path, force=force)


def beside(target: Path, word: str) -> Path:
    """A hidden file next to another, named after it."""
    return target.with_name(f".{target.name}.{word}")


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


def _copy_groups(path: Path, writer: pq.ParquetWriter) -> None:
    with pq.ParquetFile(path) as part:
        for group in range(part.num_row_groups):
            table = part.read_row_group(group)
            writer.write_table(table, row_group_size=max(1, len(table)))


def _lock(stream: IO[bytes], path: str) -> None:
    """Raise SinkError where another run has the file; the lock is gone when the file is closed."""
    try:
        import fcntl
    except ImportError:  # there is no such lock on Windows
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        raise SinkError(f"{path}: another run is writing it; wait for that one to end") from None


def _to_disk(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())
