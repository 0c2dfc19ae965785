"""Content: the bytes of a request and what they are, as rows."""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.records import Rows
from anomaly_vae_pipelines.service.codecs.arrow import read_arrow
from anomaly_vae_pipelines.service.codecs.images import rows_of_files
from anomaly_vae_pipelines.service.codecs.tables import rows_of_csv, rows_of_json, rows_of_table
from anomaly_vae_pipelines.service.errors import TooLargeError, UnknownMediaError
from anomaly_vae_pipelines.service.models.inputs import SOURCE, Form
from anomaly_vae_pipelines.service.settings import Settings

SMALL = 1 << 15
"""Bytes of a small body."""

MULTIPART = "multipart/form-data"
ARROW = ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file")
CSV = ("text/csv", "application/csv")
_READ = f"application/json, text/csv, {ARROW[0]}, {MULTIPART} or an image"
_CODECS = ("gzip", "deflate")


def media_type(request: Request) -> str:
    """The media type of a body, in lower case and without parameters; JSON where none is given.

    So is what curl says of all that it sends unless told otherwise.
    """
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return "application/json" if given in ("", "application/x-www-form-urlencoded") else given


def rows_of_body(data: bytes, media: str, form: Form, max_rows: int) -> Rows:
    """The rows of a body.

    Raises
    ------
    UnknownMediaError
        For a media type that is not read; InputError, RefusedRowsError, TooLargeError for what is in it.
    """
    if media in CSV:
        return rows_of_csv(data, form, max_rows)
    if media in ARROW:
        form.wants_table()
        return rows_of_table(read_arrow(data, max_rows, form.names), form, max_rows)
    if media.startswith("image/"):
        return rows_of_files([("image", data)], form, max_rows)
    if media == "application/json" or media.endswith("+json"):
        return rows_of_json(data, form, max_rows)
    if media == "application/octet-stream" and form.frame is not None:
        return rows_of_files([("image", data)], form, max_rows)
    raise UnknownMediaError(f"a body of type {media[:100]!r} is not read; wanted {_READ}")


@dataclass(frozen=True)
class Body:
    """The body of a request as it came.

    Attributes
    ----------
    data : bytes
    codec : str
        What it is packed with; empty for nothing.
    """

    data: bytes
    codec: str

    @property
    def is_small(self) -> bool:
        """Whether it may be read on the event loop: sending it to a thread would take longer."""
        return not self.codec and len(self.data) <= SMALL

    def unpacked(self, max_bytes: int) -> bytes:
        """What was packed, of gzip all members (RFC 1952); raises TooLargeError, SourceError."""
        if not self.codec:
            return self.data
        try:
            if self.codec == "gzip":
                unpacked = gzip.GzipFile(fileobj=io.BytesIO(self.data)).read(max_bytes + 1)
            else:
                unpacker = zlib.decompressobj()
                unpacked = unpacker.decompress(self.data, max_bytes + 1)
                if len(unpacked) <= max_bytes and (not unpacker.eof or unpacker.unused_data):
                    raise EOFError("where it should end, it does not")
        except (OSError, EOFError, zlib.error) as error:
            problem = f"is not packed with {self.codec}, or damaged ({error})"
            raise SourceError(SOURCE, None, problem) from error
        if len(unpacked) > max_bytes:
            raise TooLargeError(f"the body is more than {max_bytes:,} bytes, unpacked")
        return unpacked


async def read_body(request: Request) -> Body:
    """The body of a request; raises UnknownMediaError where it is packed with what is not read."""
    codec = request.headers.get("content-encoding", "").strip().lower()
    if codec not in ("", "identity", *_CODECS):
        raise UnknownMediaError(
            f"a body packed with {codec[:40]!r} is not read; wanted gzip, deflate or none"
        )
    return Body(await request.body(), codec if codec in _CODECS else "")


async def read_files(request: Request, settings: Settings) -> list[tuple[str, bytes]]:
    """The files of a form, each (name, content); raises InputError where there is none."""
    try:
        form = await request.form(max_files=settings.max_rows, max_fields=100)
    except (MultiPartException, HTTPException) as error:
        raise InputError(f"{SOURCE}: is no form ({getattr(error, 'detail', error)})") from None
    try:
        uploads = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        files = [(upload.filename or "image", await upload.read()) for upload in uploads]
    finally:
        await form.close()
    if not files:
        raise InputError(f"{SOURCE}: is a form without a file; wanted images")
    return files
