"""The container of a model file: a zip of stored members, read within bounds.

Members are stored, never compressed, so a file is as large as its content and cannot be a zip bomb. This
module does not interpret the members. Error messages do not contain the path, which the caller adds.
"""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from anomaly_vae.errors import ModelFileError

Entries = dict[str, bytes]

METADATA = "metadata.json"
SCHEMA = "schema.json"

WAY_OUT = "copy it again, or save the model again"
"""What to do about a file that is not complete or not as it was saved."""

_ARRAY_NAME = re.compile(r"[0-9]{1,20}\.npy")
_ZIP_MAGIC = b"PK\x03\x04"
_ENTRY_MAGIC = b"PK\x01\x02"
# A detector has at most a few hundred arrays; a step may have one per column.
_MAX_MEMBERS = 20_000
# Parsed JSON takes about twenty times its size in memory, so JSON members have lower bounds.
_MAX_JSON_BYTES = {METADATA: 16 * 2**20, SCHEMA: 64 * 2**20}
# Booleans, numbers, text and dates; an array of objects would be a pickle.
_ARRAY_KINDS = "biufUSMm"


def pack(members: Mapping[str, bytes]) -> bytes:
    """A zip of the members, uncompressed."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def unpack(data: bytes, max_bytes: int) -> Entries:
    """Members of a zip held in memory, every bound and checksum verified.

    Raises
    ------
    ModelFileError
        If it is not a zip, is damaged, exceeds a bound, or has members that do not belong in a model file.
    """
    _check_magic(data[:16])
    n_entries = data.count(_ENTRY_MAGIC)
    if n_entries > _MAX_MEMBERS:  # before ZipFile makes an object of each, whatever the end record says
        raise ModelFileError(f"holds {n_entries:,} members; at most {_MAX_MEMBERS:,} are read")
    with _directory(io.BytesIO(data)) as archive:
        infos = archive.infolist()
        _check_total(infos, min(max_bytes, len(data)))
        for info in infos:
            _check_member(info)
        return {info.filename: archive.read(info) for info in infos}


def read_file(path: str | os.PathLike[str] | BinaryIO, max_bytes: int) -> bytes:
    """Bytes of a file, read once, so that the checked bytes are those that are loaded.

    ``path`` may be a file that is open for reading.

    Raises
    ------
    ModelFileError
        If it cannot be read or is larger than `max_bytes`.
    """
    if not isinstance(path, str | os.PathLike):
        data = path.read(max_bytes + 1)
        _check_size(len(data), max_bytes)
        return data
    with _open(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        _check_size(size, max_bytes)
        return stream.read(size)


def read_metadata_member(path: str | os.PathLike[str]) -> bytes:
    """The member metadata.json; no other member is read.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is not a zip, or has no such member within its bound.
    """
    with _open(path) as stream:
        _check_magic(stream.read(16))
        with _directory(stream) as archive:
            infos = [info for info in archive.infolist() if info.filename == METADATA]
            if len(infos) != 1:
                raise missing(METADATA)
            _check_member(infos[0])
            return archive.read(infos[0])


def check_array(name: str, data: bytes) -> tuple[int, ...]:
    """Shape of an array in NumPy's format, read from its header before anything is allocated.

    Raises
    ------
    ModelFileError
        If the header is damaged, the array holds objects, or its size is not the declared one.
    """
    from numpy.lib import format as npy

    stream = io.BytesIO(data)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    try:
        shape, _, dtype = readers[npy.read_magic(stream)](stream)
    except Exception as error:  # the header is a Python literal, whose parser can raise anything
        raise ModelFileError(f"array {name} has a damaged header") from error
    if dtype.kind not in _ARRAY_KINDS:
        raise ModelFileError(f"array {name} holds {dtype}, not plain numbers or text")
    held, count = len(data) - stream.tell(), math.prod(shape)
    # An empty item ("<U0") has 0 bytes: any number of them would pass the comparison of sizes.
    if min(shape, default=0) < 0 or count * dtype.itemsize != held or (dtype.itemsize == 0 and count > 0):
        raise ModelFileError(f"array {name} declares shape {shape} of {dtype}, but holds {held:,} bytes")
    return tuple(shape)


def missing(name: str) -> ModelFileError:
    """The error for a zip that lacks a member."""
    return ModelFileError(f"not an anomaly-vae model file (no {name}); anomaly_vae.save writes one")


def _open(path: str | os.PathLike[str]) -> BinaryIO:
    """A file opened for reading, or a ModelFileError with the reason in one line."""
    try:
        return Path(path).open("rb")
    except FileNotFoundError as error:
        raise ModelFileError("no such file") from error
    except IsADirectoryError as error:
        raise ModelFileError("is a directory; wanted the name of a model file") from error
    except OSError as error:
        raise ModelFileError(f"cannot be read: {error.strerror}") from error


def _check_size(n_bytes: int, max_bytes: int) -> None:
    if n_bytes > max_bytes:
        raise ModelFileError(f"larger than {max_bytes:,} bytes; if you trust its source, raise max_bytes")


def _check_magic(head: bytes) -> None:
    """Raise ModelFileError for a file that is not a zip, with what it looks like."""
    if head.startswith(_ZIP_MAGIC):
        return
    if not head:
        raise ModelFileError(f"not an anomaly-vae model file (it is empty); {WAY_OUT}")
    if head[0] == 0x80:
        looks = "it looks like a pickle, which could run code; if you trust its source, use joblib.load"
    else:
        looks = "it is not a zip file; anomaly_vae.save writes one"
    raise ModelFileError(f"not an anomaly-vae model file ({looks})")


def _directory(stream: BinaryIO) -> ZipFile:
    """The opened zip; its members are not read yet."""
    try:
        return ZipFile(stream)
    except BadZipFile as error:
        raise ModelFileError(
            f"truncated or damaged: its directory of members is missing; {WAY_OUT}"
        ) from error


def _check_total(infos: list[ZipInfo], max_bytes: int) -> None:
    """Raise ModelFileError for duplicate names, or more bytes than possible."""
    names = [info.filename for info in infos]
    if len(set(names)) < len(names):
        raise ModelFileError("holds two members of the same name")
    total = sum(info.file_size for info in infos)
    if total > max_bytes:
        raise ModelFileError(
            f"is compressed or was changed: it declares {total:,} bytes of members, and at most "
            f"{max_bytes:,} can be read; use the file as it was saved"
        )


def _check_member(info: ZipInfo) -> None:
    """Raise ModelFileError for a member that is unknown, compressed or too large."""
    name = info.filename
    if name not in _MAX_JSON_BYTES and not _ARRAY_NAME.fullmatch(name):
        raise ModelFileError(f"holds a member {name[:80]!r}, which no model file has")
    if info.compress_type != ZIP_STORED or info.compress_size != info.file_size:
        raise ModelFileError(f"member {name} is compressed; use the file as it was saved")
    if info.file_size > _MAX_JSON_BYTES.get(name, info.file_size):
        raise ModelFileError(f"member {name} is larger than {_MAX_JSON_BYTES[name]:,} bytes")
