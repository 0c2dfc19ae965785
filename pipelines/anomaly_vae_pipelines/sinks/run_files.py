"""RunFiles: output and rejected rows of a run, and the journal from which a later run can resume it.

The last record of the journal is a checkpoint, or states that the files are complete: then they only have
to be published, which is idempotent. The journal is removed last.
"""

from __future__ import annotations

from typing import Any

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import TooManyRejectedError
from anomaly_vae_pipelines.io.files import check_output
from anomaly_vae_pipelines.sinks.journal import Journal, Record, last_record
from anomaly_vae_pipelines.sinks.lock import Lock
from anomaly_vae_pipelines.sinks.outputs import AnyOutput, make_output
from anomaly_vae_pipelines.sinks.staged import StagedFile, StagedOutput


class RunFiles:
    """The files of one run; none is changed before all are locked.

    Parameters
    ----------
    path, file_format : str
        Path and format of the output.
    rejected_path : str or None
        File of rejected rows; None for no file.
    force : bool
        Whether the output may be replaced.
    resume : bool
        Whether to resume an interrupted run, and to keep the files of this one if it is interrupted.

    Raises
    ------
    InputError
        If the output cannot or may not be written.
    """

    def __init__(
        self, path: str, file_format: str, rejected_path: str | None, *, force: bool, resume: bool
    ) -> None:
        self.path, self.resume = path, resume
        self.is_complete, self.has_rejected = False, False
        self.output = _output(path, file_format, force=force, resume=resume)
        self.rejected = None if rejected_path is None else StagedFile(rejected_path, force=True)
        self._force = force
        self._journal = Journal(self.output.lock) if isinstance(self.output, StagedOutput) else None
        paths = [lock.path for lock in self._locks()]
        if len(set(paths)) < len(paths):
            raise InputError(f"{path}: is used for the output and for --rejected; choose two files")

    def acquire(self) -> None:
        """Lock all files; raises SinkError, without any change, if another run holds a lock."""
        try:
            for lock in self._locks():
                lock.acquire()
        except BaseException:
            self.release()
            raise

    def restore(self, run: Any) -> Record | None:
        """Truncate the files to the last record of an interrupted run, and return it; None to start over.

        Raises InputError if that run had other inputs or options, or the output may not be replaced, and
        SinkError if its files are missing. Files and journal are unchanged then.
        """
        record = self._journal.read() if self._journal is not None and self.resume else None
        if record is not None and record["run"] != run:
            raise InputError(
                f"{self.path}: the run that was interrupted had another model, other inputs or other "
                f"options; start over without --resume"
            )
        self.is_complete = record is not None and record["is_sealed"]
        if not self.is_complete and isinstance(self.output, StagedOutput):
            check_output(self.path, force=self._force)
        self.has_rejected = record is not None and record["rejected"] is not None
        if record is None:
            if self._journal is not None:
                self._journal.clear()
        elif not self.is_complete:
            if isinstance(self.output, StagedOutput):
                self.output.restore(record["output"])
            if self.rejected is not None and self.has_rejected:
                self.rejected.restore(record["rejected"])
        return record

    def write_rejected(self, lines: bytes, header: bytes) -> None:
        """Append rejected rows, after a header if they are the first."""
        if self.rejected is not None:
            self.rejected.write(lines if self.has_rejected else header + lines)
            self.has_rejected = True

    def checkpoint(self, run: Any, state: Record) -> None:
        """Flush all rows to disk, and record that with the state of the run."""
        if self._journal is not None and isinstance(self.output, StagedOutput):
            files = {
                "output": self.output.checkpoint(),
                "rejected": self.rejected.checkpoint() if self.rejected and self.has_rejected else None,
            }
            self._journal.write({"run": run, "is_sealed": False, **files, **state})

    def complete(self, run: Any, state: Record) -> Record:
        """Flush the complete files to disk, and record that; returns the record for ``publish_output``."""
        files = {
            "output": self.output.complete(),
            "rejected": self.rejected.complete() if self.rejected and self.has_rejected else None,
        }
        record = {"run": run, "is_sealed": True, **files, **state}
        if self._journal is not None:
            self._journal.write(record)
        self.is_complete = True
        return record

    def publish_rejected(self, record: Record) -> None:
        """Publish the rejected rows, unless that was done."""
        if self.rejected is not None and record["rejected"] is not None:
            self.rejected.publish(record["rejected"])

    def publish_output(self, record: Record) -> None:
        """Publish the output, unless that was done."""
        self.output.publish(record["output"])

    def finish(self) -> None:
        """Remove all hidden files, as the run is finished."""
        self.release(keep=False)

    def abort(self, error: BaseException) -> None:
        """Close all files; keep them if a later run can resume this one.

        After an error of the input nothing is kept: the input must change, so the run cannot be resumed.
        """
        is_input = isinstance(error, TooManyRejectedError) or (
            isinstance(error, InputError) and not self.is_complete
        )
        has_record = self._journal is not None and not self._journal.is_empty
        self.release(keep=self.resume and has_record and not is_input)

    def release(self, *, keep: bool = True) -> None:
        """Close and unlock all files, the output last, as its lock file is the journal."""
        if self.rejected is not None:
            self.rejected.close(keep=keep)
        self.output.close(keep=keep)

    def _locks(self) -> list[Lock]:
        staged = [self.output, self.rejected]
        return [file.lock for file in staged if isinstance(file, StagedOutput)]


def _output(path: str, file_format: str, *, force: bool, resume: bool) -> AnyOutput:
    """The output, which may exist already if an earlier run was interrupted after it was published."""
    if not resume or force:
        return make_output(path, file_format, force=force)
    output = make_output(path, file_format, force=True)
    if isinstance(output, StagedOutput):
        record = last_record(output.lock)
        if record is not None and record["is_sealed"]:
            output.force = False  # another file is then not replaced when the output is published
            return output
    return make_output(path, file_format, force=False)
