"""Files: open and write local paths, URLs and standard streams, plain or compressed.

A local file is written to a temporary file in the same directory, which replaces it at the end. After an
error before that, the old file is unchanged and the temporary file is removed.
"""

from __future__ import annotations

import errno
import glob
import hashlib
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
from anomaly_vae_pipelines.io.durable import atomic_replacement, write_errors

_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
_SUFFIXES = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_WILD = frozenset("*?[")


@dataclass(frozen=True)
class OpenedFile:
    """A file that is open for reading, decompressed if its first bytes are those of a compressed file.

    Attributes
    ----------
    stream : binary file
        The decompressed bytes.
    raw : binary file
        The bytes on disk; its position is the number of bytes read so far.
    codec : str or None
        "gzip", "bz2", "zstd", or None for a plain file.
    """

    stream: IO[bytes]
    raw: IO[bytes]
    codec: str | None


def is_url(path: str) -> bool:
    """Whether a path is a URL, such as ``s3://bucket/key``."""
    return "://" in path


def display_name(path: str | io.BytesIO) -> str:
    """The name of an input in messages."""
    if isinstance(path, io.BytesIO):
        return "the body"
    return "standard input" if path == "-" else path


def expand(paths: Sequence[str]) -> list[str]:
    """The paths, with each pattern replaced by the files that it matches, sorted by name.

    Raises SourceError for a pattern that matches nothing.
    """
    return [match for path in paths for match in _matches(path)]


def expand_folders(paths: Sequence[str]) -> list[str]:
    """``expand`` of the paths, followed by the content of those that are directories."""
    found = expand(paths)
    return [*found, *(str(file) for path in found if Path(path).is_dir() for file in Path(path).iterdir())]


def compression_of(path: str) -> str | None:
    """The codec for the suffix of a name: "gzip", "bz2", "zstd", or None."""
    return _SUFFIXES.get(Path(path).suffix.lower())


def format_suffix(path: str) -> str:
    """The suffix of a name without that of its compression: ``.csv`` for ``a.csv.gz``."""
    name = Path(path.rpartition("/")[2] or path)
    return (name.with_suffix("") if compression_of(path) else name).suffix.lower()


@contextmanager
def opened(path: str | io.BytesIO) -> Iterator[OpenedFile]:
    """Open a file, a URL or standard input; compression is detected from the content, not from the name.

    Bytes in memory are not decompressed, so that a small request cannot become a large one. Raises
    SourceError if the input cannot be opened.
    """
    if isinstance(path, io.BytesIO):
        yield OpenedFile(path, path, None)
        return
    if path == "-":
        if sys.stdin is None:
            raise SourceError(display_name(path), None, "is closed; give a file, or a pipe of rows")
        yield from _unpacked(cast(IO[bytes], sys.stdin.buffer))
        return
    with _open(path) as stream:
        yield from _unpacked(stream)


def standard_output() -> IO[bytes]:
    """Standard output for bytes, which follow the text before them; raises OSError if it is closed."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed; write to a file instead")
    sys.stdout.flush()
    return sys.stdout.buffer


def file_digest(path: str) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a file; raises OSError if it cannot be read."""
    return digest(Path(path).read_bytes())


def digest(data: bytes) -> str:
    """First 16 hexadecimal digits of the SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()[:16]


def content_of(path: str, wanted: str) -> bytes:
    """The bytes of a file or URL, not decompressed; raises SourceError, which says what was wanted."""
    with _open(path, wanted) as stream:
        return stream.read()


def read_fully(stream: IO[bytes], n_bytes: int) -> bytes:
    """The next bytes of a stream; fewer only at its end."""
    pieces = []
    while n_bytes > 0 and (piece := stream.read(n_bytes)):
        pieces.append(piece)
        n_bytes -= len(piece)
    return b"".join(pieces)


def size_of(path: str) -> int | None:
    """Size of a file in bytes, without decompression; None if it is not known."""
    try:
        if is_url(path):
            size = _filesystem(path)[0].size(_filesystem(path)[1])
            return None if size is None else int(size)
        return Path(path).stat().st_size if Path(path).is_file() else None
    except OSError:
        return None


@contextmanager
def replacing(path: str, *, force: bool = False) -> Iterator[Path]:
    """A temporary path that replaces ``path`` if the block succeeds.

    Raises OutputExistsError if the file exists and ``force`` is false, InputError if ``path`` cannot be a
    regular file, and SinkError for an OSError inside the block.
    """
    target = check_replaceable(path, force=force)
    with write_errors(path), atomic_replacement(target, target.suffix) as temporary:
        yield temporary
        _prepare_replacement(temporary, target, force=force)


def check_replaceable(path: str, *, force: bool) -> Path:
    """The regular file that ``path`` resolves to; raises InputError if it cannot or may not be replaced."""
    target = check_output(path, force=force)
    if is_special(target):
        raise InputError(f"{path}: is a pipe or a device; wanted the name of a file")
    return target


def check_output(path: str, *, force: bool) -> Path:
    """The file that ``path`` resolves to; raises InputError if it cannot or may not be written."""
    if path == "-":
        raise InputError("wanted the name of a file to write, got - for standard output")
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise InputError(f"{path}: is a directory; wanted the name of a file")
    if not target.parent.is_dir():
        raise InputError(f"{path}: directory {str(target.parent)!r} does not exist; create it first")
    if target.exists() and not is_special(target) and not force:
        raise OutputExistsError(path)
    return target


def hidden_path(target: Path, suffix: str) -> Path:
    """A hidden file in the directory of another, named after it."""
    return target.with_name(f".{target.name}.{suffix}")


def check_url(url: str, *, force: bool) -> None:
    """Raise OutputExistsError if a URL exists and may not be replaced, SinkError if it cannot be reached."""
    filesystem, path = _filesystem(url)
    try:
        if filesystem.exists(path) and not force:
            raise OutputExistsError(url)
    except OSError as error:
        raise SinkError(f"{url}: cannot be reached ({error})") from error


def upload(path: Path, url: str) -> None:
    """Copy a complete local file to a URL; raises SinkError if that fails."""
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
    """Flush a complete file to disk and replace another with it, keeping the permissions of the old file."""
    _prepare_replacement(temporary, target, force=force)
    system.calls.replace(temporary, target)


def _prepare_replacement(temporary: Path, target: Path, *, force: bool) -> None:
    """Flush a complete file to disk and give it the permissions of the file that it will replace."""
    system.sync_file(temporary)
    check_output(str(target), force=force)
    if target.exists():
        system.calls.chmod(temporary, stat.S_IMODE(target.stat().st_mode))


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


def _open(path: str, wanted: str = "a file of rows") -> IO[bytes]:
    try:
        if is_url(path):
            filesystem, name = _filesystem(path)
            return cast(IO[bytes], filesystem.open(name, "rb"))
        return Path(path).open("rb")
    except OSError as error:
        reason = error.strerror or "file not found"
        raise SourceError(path, None, f"cannot be opened ({reason}); wanted {wanted}") from error


def _unpacked(stream: IO[bytes]) -> Iterator[OpenedFile]:
    """The stream, decompressed; the caller closes it."""
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast(Any, stream))
    magic = buffered.peek(4)[:4]
    codec = next((codec for start, codec in _MAGIC.items() if magic.startswith(start)), None)
    try:
        if codec is None:
            yield OpenedFile(buffered, stream, None)
        else:
            unpacked = pa.CompressedInputStream(pa.PythonFile(buffered, mode="r"), codec)
            yield OpenedFile(cast(IO[bytes], unpacked), stream, codec)
    finally:
        if buffered is not stream:
            buffered.detach()


def _filesystem(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path within it."""
    import fsspec

    try:
        filesystem, path = fsspec.url_to_fs(url)
    except ImportError as error:
        scheme = url.partition("://")[0]
        hint = "; pip install 'anomaly-vae[s3]'" if scheme == "s3" else ""
        raise InputError(
            f"{url}: {scheme}:// requires a package that is not installed ({error}){hint}"
        ) from error
    except ValueError as error:
        raise InputError(f"{url}: {error}") from error
    return filesystem, path
