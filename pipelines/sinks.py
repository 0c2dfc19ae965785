"""Sinks: tables of text to a CSV file, plain or gzipped, or to standard output.

A file is written whole or not at all: beside its place, flushed to disk, and moved there at the end.
Whatever goes wrong before that leaves the old file as it was and nothing else behind. What is no
regular file (a pipe, a device) cannot be moved to and is written to directly.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TextIO, cast

from anomaly_vae.errors import InputError
from pipelines.errors import OutputExistsError, SinkError
from pipelines.records import TextTable


class CsvSink:
    """Writes tables of text to one CSV file; ``-`` is standard output, ``.gz`` is compressed.

    Raises OutputExistsError when it is made, if the file exists and may not be replaced, and
    SinkError where it cannot be written.
    """

    def __init__(self, path: str, *, force: bool = False) -> None:
        self.path, self.force = path, force
        if path != "-":
            check_output(path, force=force)

    def __call__(self, tables: Iterable[TextTable]) -> int:
        """Number of rows written; the header is that of the first table."""
        with _stdout_text() if self.path == "-" else self._file_text() as stream:
            return _write_csv(tables, stream)

    @contextmanager
    def _file_text(self) -> Iterator[TextIO]:
        special = _is_special(Path(self.path))
        place = _writing_to(Path(self.path)) if special else replacing(self.path, force=self.force)
        with place as path, ExitStack() as stack:
            binary: IO[bytes] = stack.enter_context(path.open("wb"))
            if self.path.endswith(".gz"):
                # No name and time inside, so that the same rows give the same bytes.
                packed = gzip.GzipFile(filename="", mode="wb", fileobj=binary, compresslevel=6, mtime=0)
                binary = stack.enter_context(cast(IO[bytes], packed))
            yield stack.enter_context(io.TextIOWrapper(binary, encoding="utf-8", newline=""))


@contextmanager
def replacing(path: str, *, force: bool = False) -> Iterator[Path]:
    """A temporary path that takes the place of ``path`` when the block ends well.

    Raises OutputExistsError if the file exists and ``force`` is false, InputError where no regular
    file can be, and SinkError for whatever the operating system refuses inside the block.
    """
    target = check_output(path, force=force)
    if _is_special(target):
        raise InputError(f"{path}: is a pipe or a device; wanted the name of a file")
    with _write_errors(path):
        temporary = target.with_name(f".anomaly-vae-{secrets.token_hex(4)}{target.suffix}")
        try:
            yield temporary
            _move(temporary, target, force)
        finally:
            temporary.unlink(missing_ok=True)


def check_output(path: str, *, force: bool) -> Path:
    """The file that ``path`` leads to; raises InputError where it may not or cannot be written."""
    if path == "-":
        raise InputError("wanted the name of a file to write, got - for standard output")
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise InputError(f"{path}: is a directory; wanted the name of a file")
    if not target.parent.is_dir():
        raise InputError(f"{path}: there is no directory {str(target.parent)!r}; make it first")
    if target.exists() and not _is_special(target) and not force:
        raise OutputExistsError(path)
    return target


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _move(temporary: Path, target: Path, force: bool) -> None:
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    check_output(str(target), force=force)
    if target.exists():
        shutil.copymode(target, temporary)
    os.replace(temporary, target)


@contextmanager
def _writing_to(path: Path) -> Iterator[Path]:
    """A pipe or a device, written to as it is."""
    with _write_errors(str(path)):
        yield path


@contextmanager
def _write_errors(name: str) -> Iterator[None]:
    """Name the output in what the operating system says; a reader who has left is no error here."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SinkError(f"{name}: cannot be written ({error.strerror}); nothing was changed") from error


@contextmanager
def _stdout_text() -> Iterator[TextIO]:
    sys.stdout.flush()
    with _write_errors("standard output"):
        stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
        try:
            yield stream
        finally:
            stream.detach()


def _write_csv(tables: Iterable[TextTable], stream: TextIO) -> int:
    plain = csv.writer(stream, lineterminator="\n")
    quoting = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
    n_rows = -1
    for table in tables:
        for row in _with_header(table) if n_rows < 0 else table.rows:
            # Python 3.11's csv leaves a lone carriage return bare, and no reader takes it back so.
            (quoting if "\r" in "".join(row) else plain).writerow(row)
            n_rows += 1
    return max(n_rows, 0)


def _with_header(table: TextTable) -> Iterator[Sequence[str]]:
    yield table.columns
    yield from table.rows
