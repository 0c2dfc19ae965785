"""Outputs by path: a staged file, one that is copied to a URL when it is whole, or a stream."""

from __future__ import annotations

import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from anomaly_vae_pipelines.io.files import check_url, is_special, is_url, upload, write_errors
from anomaly_vae_pipelines.sinks.staged import StagedFile, StagedParquet, Stamp


class DirectOutput:
    """Standard output, a pipe or a device: written to as it is, with no way back."""

    def __init__(self, path: str) -> None:
        self.path = "standard output" if path == "-" else path
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

    def seal(self) -> Stamp:
        """Hand over what was written."""
        with write_errors(self.path):
            self._stream.flush()
        return {}

    def publish(self, stamp: Stamp) -> None:
        """Nothing: what was written is in its place."""

    def finish(self) -> None:
        """Hand over what was written, and close."""
        self.seal()
        self.close(keep=True)

    def close(self, *, keep: bool) -> None:
        """Close what was opened here."""
        if self._is_ours:
            with suppress(OSError):
                self._stream.close()


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

    def seal(self) -> Stamp:
        """Bring the whole output to disk on this machine."""
        return self._staged.seal()

    def publish(self, stamp: Stamp) -> None:
        """Copy the whole output to its URL."""
        self._staged.publish(stamp)
        upload(Path(self._local), self.path)

    def finish(self) -> None:
        """Seal, publish and close."""
        self.publish(self.seal())
        self.close(keep=False)

    def close(self, *, keep: bool) -> None:
        """Remove what was staged."""
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
