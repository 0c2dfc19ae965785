"""Bodies: the body of a request, by media type and encoding, as rows."""

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
from anomaly_vae_pipelines.service.models.inputs import SOURCE, ModelInputs
from anomaly_vae_pipelines.service.settings import Settings

SMALL = 1 << 15
"""Largest size of a small body, in bytes."""

MULTIPART = "multipart/form-data"
ARROW = ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file")
CSV = ("text/csv", "application/csv")
_READ = f"application/json, text/csv, {ARROW[0]}, {MULTIPART} or an image"
_CODECS = ("gzip", "deflate")


def media_type(request: Request) -> str:
    """The media type of a body, in lower case and without parameters; JSON if there is none.

    Curl's default, ``application/x-www-form-urlencoded``, also counts as JSON.
    """
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return "application/json" if given in ("", "application/x-www-form-urlencoded") else given


def rows_of_body(data: bytes, media: str, inputs: ModelInputs, max_rows: int) -> Rows:
    """The rows of a body.

    Raises
    ------
    UnknownMediaError
        If the media type is not supported; InputError, RefusedRowsError, TooLargeError for its content.
    """
    if media in CSV:
        return rows_of_csv(data, inputs, max_rows)
    if media in ARROW:
        inputs.wants_table()
        return rows_of_table(read_arrow(data, max_rows, inputs.names), inputs, max_rows)
    if media.startswith("image/") or (media == "application/octet-stream" and inputs.frame is not None):
        return rows_of_files([("image", data)], inputs, max_rows)
    if media == "application/json" or media.endswith("+json"):
        return rows_of_json(data, inputs, max_rows)
    raise UnknownMediaError(f"the media type {media[:100]!r} is not supported; wanted {_READ}")


@dataclass(frozen=True)
class Body:
    """The body of a request as it was received, and its compression; empty for none."""

    data: bytes
    codec: str

    @property
    def is_small(self) -> bool:
        """Whether to read it on the event loop: handing it to a thread would take longer."""
        return not self.codec and len(self.data) <= SMALL

    def unpacked(self, max_bytes: int) -> bytes:
        """The decompressed data, with all members of gzip (RFC 1952); raises TooLargeError, SourceError."""
        if not self.codec:
            return self.data
        try:
            if self.codec == "gzip":
                unpacked = gzip.GzipFile(fileobj=io.BytesIO(self.data)).read(max_bytes + 1)
            else:
                unpacker = zlib.decompressobj()
                unpacked = unpacker.decompress(self.data, max_bytes + 1)
                if len(unpacked) <= max_bytes and (not unpacker.eof or unpacker.unused_data):
                    raise EOFError("its end is missing, or data follows it")
        except (OSError, EOFError, zlib.error) as error:
            problem = f"is not valid {self.codec} data ({error})"
            raise SourceError(SOURCE, None, problem) from error
        if len(unpacked) > max_bytes:
            raise TooLargeError(f"the decompressed body has more than {max_bytes:,} bytes")
        return unpacked


async def read_body(request: Request) -> Body:
    """The body of a request; raises UnknownMediaError if its compression is not supported."""
    codec = request.headers.get("content-encoding", "").strip().lower()
    if codec not in ("", "identity", *_CODECS):
        raise UnknownMediaError(
            f"the content encoding {codec[:40]!r} is not supported; wanted gzip, deflate or none"
        )
    return Body(await request.body(), codec if codec in _CODECS else "")


async def read_files(request: Request, settings: Settings) -> list[tuple[str, bytes]]:
    """The files of a form, each (name, content); raises InputError if there are none."""
    try:
        form = await request.form(max_files=settings.max_rows, max_fields=100)
    except (MultiPartException, HTTPException) as error:
        raise InputError(f"{SOURCE}: is not a valid form ({getattr(error, 'detail', error)})") from None
    try:
        uploads = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        files = [(upload.filename or "image", await upload.read()) for upload in uploads]
    finally:
        await form.close()
    if not files:
        raise InputError(f"{SOURCE}: is a form without files; wanted images")
    return files
