"""Files: places to names, bytes and back: local paths, URLs and standard streams, plain or compressed.

A local file is written whole or not at all: beside its place, flushed to disk, and moved there at the
end. Whatever goes wrong before that leaves the old file as it was and nothing else behind.
"""

from __future__ import annotations

import glob
import io
import os
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import OutputExistsError, SinkError, SourceError
from anomaly_vae_pipelines.io import system
from anomaly_vae_pipelines.io.durable import replaced

_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
_SUFFIXES = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_WILD = frozenset("*?[")


@dataclass(frozen=True)
class Packed:
    """A stream of bytes, unpacked where it began as a compressed file does.

    Attributes
    ----------
    stream : binary file
        The bytes that whoever wrote them meant.
    outer : binary file
        The bytes as they lie on disk, whose position tells how far reading has come.
    codec : str or None
        "gzip", "bz2", "zstd", or None for a plain file.
    """

    stream: IO[bytes]
    outer: IO[bytes]
    codec: str | None


def is_url(path: str) -> bool:
    """Whether a path names a place of some other file system, such as ``s3://bucket/key``."""
    return "://" in path


def shown(path: str | io.BytesIO) -> str:
    """What a path is called in messages."""
    if isinstance(path, io.BytesIO):
        return "the body"
    return "standard input" if path == "-" else path


def expand(paths: Sequence[str]) -> list[str]:
    """The paths, each pattern replaced by the files that it matches, in order of their names.

    Raises SourceError for a pattern that matches nothing.
    """
    return [match for path in paths for match in _matches(path)]


def expand_folders(paths: Sequence[str]) -> list[str]:
    """``expand`` of the paths, and after them what lies in those that are directories."""
    found = expand(paths)
    return [*found, *(str(file) for path in found if Path(path).is_dir() for file in Path(path).iterdir())]


def compression_of(path: str) -> str | None:
    """The codec that the suffix of a name asks for: "gzip", "bz2", "zstd", or None."""
    return _SUFFIXES.get(Path(path).suffix.lower())


def bare_suffix(path: str) -> str:
    """The suffix of a name that tells its format, that of a compression aside: ``a.csv.gz`` is ``.csv``."""
    name = Path(path.rpartition("/")[2] or path)
    return (name.with_suffix("") if compression_of(path) else name).suffix.lower()


@contextmanager
def opened(path: str | io.BytesIO) -> Iterator[Packed]:
    """The bytes of a file, a URL or standard input, decompressed if they are, whatever the name.

    Bytes in memory are given as they are: nobody may send what is small and unpack it into what is large.
    Raises SourceError where there is nothing to open.
    """
    if isinstance(path, io.BytesIO):
        yield Packed(path, path, None)
        return
    if path == "-":
        yield from _unpacked(cast(IO[bytes], sys.stdin.buffer))
        return
    with _open(path) as stream:
        yield from _unpacked(stream)


def size_of(path: str) -> int | None:
    """Bytes of a file as it lies on disk; None where that is not known."""
    try:
        if is_url(path):
            size = _filesystem(path)[0].size(_filesystem(path)[1])
            return None if size is None else int(size)
        return Path(path).stat().st_size if Path(path).is_file() else None
    except OSError:
        return None


@contextmanager
def replacing(path: str, *, force: bool = False) -> Iterator[Path]:
    """A temporary path that takes the place of ``path`` when the block ends well.

    Raises OutputExistsError if the file exists and ``force`` is false, InputError where no regular
    file can be, and SinkError for whatever the operating system refuses inside the block.
    """
    target = check_output(path, force=force)
    if is_special(target):
        raise InputError(f"{path}: is a pipe or a device; wanted the name of a file")
    with write_errors(path), replaced(target, target.suffix) as temporary:
        yield temporary
        prepare_replacing(temporary, target, force=force)


def check_output(path: str, *, force: bool) -> Path:
    """The file that ``path`` leads to; raises InputError where it may not or cannot be written."""
    if path == "-":
        raise InputError("wanted the name of a file to write, got - for standard output")
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise InputError(f"{path}: is a directory; wanted the name of a file")
    if not target.parent.is_dir():
        raise InputError(f"{path}: there is no directory {str(target.parent)!r}; make it first")
    if target.exists() and not is_special(target) and not force:
        raise OutputExistsError(path)
    return target


def beside(target: Path, word: str) -> Path:
    """A hidden file next to another, named after it."""
    return target.with_name(f".{target.name}.{word}")


def check_url(url: str, *, force: bool) -> None:
    """Raise InputError where a URL cannot be written, OutputExistsError where it may not."""
    filesystem, path = _filesystem(url)
    try:
        if filesystem.exists(path) and not force:
            raise OutputExistsError(url)
    except OSError as error:
        raise SinkError(f"{url}: cannot be reached ({error})") from error


def upload(path: Path, url: str) -> None:
    """Copy a finished local file to a URL; raises SinkError where that is refused."""
    filesystem, name = _filesystem(url)
    try:
        with path.open("rb") as source, filesystem.open(name, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    except OSError as error:
        raise SinkError(f"{url}: cannot be written ({error})") from error


def is_special(path: Path) -> bool:
    """Whether a path is a pipe or a device."""
    return path.exists() and not path.is_file() and not path.is_dir()


def move_into_place(temporary: Path, target: Path, *, force: bool) -> None:
    """Flush a finished file to disk and replace another, keeping the permissions of the old file."""
    prepare_replacing(temporary, target, force=force)
    system.calls.replace(temporary, target)


def prepare_replacing(temporary: Path, target: Path, *, force: bool) -> None:
    """Flush a finished file to disk, with the permissions of the file that it is about to replace."""
    system.sync_file(temporary)
    check_output(str(target), force=force)
    if target.exists():
        system.calls.chmod(temporary, stat.S_IMODE(target.stat().st_mode))


@contextmanager
def write_errors(name: str) -> Iterator[None]:
    """Name the output in what the operating system says; a reader who has left is no error here."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise SinkError(f"{name}: cannot be written ({reason}); nothing was changed") from error


def _matches(path: str) -> list[str]:
    if not _WILD & set(path) or Path(path).exists():
        return [path]
    if is_url(path):
        filesystem, pattern = _filesystem(path)
        found = [filesystem.unstrip_protocol(match) for match in filesystem.glob(pattern)]
    else:
        found = glob.glob(path, recursive=True)
    if not found:
        raise SourceError(path, None, "matches no file")
    return sorted(found)


def _open(path: str) -> IO[bytes]:
    try:
        if is_url(path):
            filesystem, name = _filesystem(path)
            return cast(IO[bytes], filesystem.open(name, "rb"))
        return Path(path).open("rb")
    except OSError as error:
        reason = error.strerror or "there is no such file"
        raise SourceError(path, None, f"cannot be opened ({reason}); wanted a file of rows") from error


def _unpacked(stream: IO[bytes]) -> Iterator[Packed]:
    """The stream, left open: whoever opened it closes it."""
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast(Any, stream))
    magic = buffered.peek(4)[:4]
    codec = next((codec for start, codec in _MAGIC.items() if magic.startswith(start)), None)
    try:
        if codec is None:
            yield Packed(buffered, stream, None)
        else:
            unpacked = pa.CompressedInputStream(pa.PythonFile(buffered, mode="r"), codec)
            yield Packed(cast(IO[bytes], unpacked), stream, codec)
    finally:
        if buffered is not stream:
            buffered.detach()


def _filesystem(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path in it."""
    import fsspec

    try:
        filesystem, path = fsspec.url_to_fs(url)
    except ImportError as error:
        scheme = url.partition("://")[0]
        hint = "; pip install 'anomaly-vae[s3]'" if scheme == "s3" else ""
        raise InputError(
            f"{url}: {scheme}:// needs a package that is not installed ({error}){hint}"
        ) from error
    except ValueError as error:
        raise InputError(f"{url}: {error}") from error
    return filesystem, path
