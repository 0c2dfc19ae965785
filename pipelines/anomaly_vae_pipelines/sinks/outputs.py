"""make_output: the output for a path: a staged file, an upload to a URL, or a stream."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from anomaly_vae_pipelines.io.durable import write_errors
from anomaly_vae_pipelines.io.files import check_url, is_special, is_url, standard_output, upload
from anomaly_vae_pipelines.sinks.staged import StagedFile, StagedParquet, Stamp


class DirectOutput:
    """Standard output, a pipe or a device: rows are written directly and cannot be withdrawn."""

    def __init__(self, path: str) -> None:
        self.path = "standard output" if path == "-" else path
        with write_errors(self.path):
            self._stream: IO[bytes] = standard_output() if path == "-" else Path(path).open("wb")  # noqa: SIM115
        self._owns_stream = path != "-"

    def write(self, piece: bytes) -> None:
        """Append a piece."""
        with write_errors(self.path):
            self._stream.write(piece)

    def compress(self, piece: bytes) -> bytes:
        """The piece, not compressed."""
        return piece

    def complete(self) -> Stamp:
        """Flush the stream."""
        with write_errors(self.path):
            self._stream.flush()
        return {}

    def publish(self, stamp: Stamp) -> None:
        """Do nothing: all rows were written directly."""

    def close(self, *, keep: bool) -> None:
        """Close the stream, unless it is standard output."""
        if self._owns_stream:
            with suppress(OSError):
                self._stream.close()


class UploadedOutput:
    """An output that is staged in a temporary directory, and copied to a URL when it is complete."""

    def __init__(self, url: str, file_format: str, *, force: bool = False) -> None:
        check_url(url, force=force)
        self.path = url
        self._directory = tempfile.TemporaryDirectory(prefix="anomaly-vae-")
        self._local = str(Path(self._directory.name) / url.rpartition("/")[2])
        self._staged = _staged(self._local, file_format, force=False)

    def write(self, piece: Any) -> None:
        """Append a piece."""
        self._staged.write(piece)

    def compress(self, piece: Any) -> Any:
        """The piece as it is stored in the file."""
        return self._staged.compress(piece)

    def complete(self) -> Stamp:
        """Flush the complete output to the local disk."""
        return self._staged.complete()

    def publish(self, stamp: Stamp) -> None:
        """Copy the complete output to its URL."""
        self._staged.publish(stamp)
        upload(Path(self._local), self.path)

    def close(self, *, keep: bool) -> None:
        """Remove the staged files."""
        self._staged.close(keep=False)
        self._directory.cleanup()


AnyOutput = StagedFile | StagedParquet | UploadedOutput | DirectOutput


def make_output(path: str, file_format: str, *, force: bool = False) -> AnyOutput:
    """The output for a path; raises InputError if it cannot be written, OutputExistsError if it may not."""
    if is_url(path):
        return UploadedOutput(path, file_format, force=force)
    if path == "-" or is_special(Path(path)):
        return DirectOutput(path)
    return _staged(path, file_format, force=force)


def finish(output: AnyOutput) -> None:
    """Complete an output, publish it and close it."""
    output.publish(output.complete())
    output.close(keep=False)


def _staged(path: str, file_format: str, *, force: bool) -> StagedFile | StagedParquet:
    return StagedParquet(path, force=force) if file_format == "parquet" else StagedFile(path, force=force)
