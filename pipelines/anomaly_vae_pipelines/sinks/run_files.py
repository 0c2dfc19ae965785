"""RunFiles: what a run writes, output and rejected rows, and the journal that lets a later run resume it.

The journal's last record is a checkpoint, or says that the files are sealed: then all that is left to do is
to put them in their places, and every step of that can be repeated. It is removed at the very end.
"""

from __future__ import annotations

from typing import Any

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import TooManyRejectedError
from anomaly_vae_pipelines.io.files import check_output
from anomaly_vae_pipelines.sinks.journal import Journal, Record, peek
from anomaly_vae_pipelines.sinks.lock import Lock
from anomaly_vae_pipelines.sinks.outputs import AnyOutput, make_output
from anomaly_vae_pipelines.sinks.staged import StagedFile, StagedParquet


class RunFiles:
    """The files of one run; nothing of them is changed before all of them are locked.

    Parameters
    ----------
    path, file_format : str
        Of the output.
    rejected_path : str or None
        File of rejected rows; None where there is none.
    force : bool
        Whether the output may be replaced.
    resume : bool
        Whether to go on from what an earlier run left, and to leave something for a later one.

    Raises
    ------
    InputError
        Where the output cannot or may not be written.
    """

    def __init__(
        self, path: str, file_format: str, rejected_path: str | None, *, force: bool, resume: bool
    ) -> None:
        self.path, self.resume = path, resume
        self.is_sealed, self.has_rejected = False, False
        self.output = _output(path, file_format, force=force, resume=resume)
        self.rejected = None if rejected_path is None else StagedFile(rejected_path, force=True)
        self._force = force
        self._journal = (
            Journal(self.output.lock) if isinstance(self.output, StagedFile | StagedParquet) else None
        )
        self._refuse_same_file()

    def acquire(self) -> None:
        """Lock all files; raises SinkError, with nothing changed, where another run holds one of them."""
        try:
            for lock in self._locks():
                lock.acquire()
        except BaseException:
            self._release(keep=True)
            raise

    def restore(self, run: Any) -> Record | None:
        """The last record of an earlier run, to which the files were cut back; None to start over.

        Raises InputError where that was another run, or the output may not be replaced, and SinkError where
        its files are gone. They are left as they are then, and so is the journal.
        """
        record = self._journal.read() if self._journal is not None and self.resume else None
        if record is not None and record["run"] != run:
            raise InputError(
                f"{self.path}: the run that was interrupted had another model, other inputs or other "
                f"options; start over without --resume"
            )
        self.is_sealed = record is not None and record["is_sealed"]
        if not self.is_sealed and isinstance(self.output, StagedFile | StagedParquet):
            check_output(self.path, force=self._force)
        if record is not None and not self.is_sealed:
            self._cut_back(record)
        elif record is None and self._journal is not None:
            self._journal.clear()
        self.has_rejected = record is not None and record["rejected"] is not None
        return record

    def write_rejected(self, lines: bytes, header: bytes) -> None:
        """Append rejected rows, after a header where they are the first."""
        if self.rejected is not None:
            self.rejected.write(lines if self.has_rejected else header + lines)
            self.has_rejected = True

    def checkpoint(self, run: Any, state: Record) -> None:
        """Bring all that was written to disk, with the state that belongs to it."""
        if self._journal is not None and isinstance(self.output, StagedFile | StagedParquet):
            files = {
                "output": self.output.checkpoint(),
                "rejected": self.rejected.checkpoint() if self.rejected and self.has_rejected else None,
            }
            self._journal.write({"run": run, "is_sealed": False, **files, **state})

    def seal(self, run: Any, state: Record) -> Record:
        """Bring the whole files to disk, and keep that they are; gives the record, for ``publish``."""
        files = {
            "output": self.output.seal(),
            "rejected": self.rejected.seal() if self.rejected and self.has_rejected else None,
        }
        record = {"run": run, "is_sealed": True, **files, **state}
        if self._journal is not None:
            self._journal.write(record)
        self.is_sealed = True
        return record

    def publish_rejected(self, record: Record) -> None:
        """Put the rejected rows in their place, if they are not there."""
        if self.rejected is not None and record["rejected"] is not None:
            self.rejected.publish(record["rejected"])

    def publish_output(self, record: Record) -> None:
        """Put the output in its place, if it is not there."""
        self.output.publish(record["output"])

    def finish(self) -> None:
        """Remove all hidden files: the run is done."""
        self._release(keep=False)

    def give_up(self, error: BaseException) -> None:
        """Keep what a later run can resume, or remove all hidden files.

        Nothing is kept where the input is at fault: it has to change, and then it is another run.
        """
        is_input = isinstance(error, TooManyRejectedError) or (
            isinstance(error, InputError) and not self.is_sealed
        )
        has_record = self._journal is not None and not self._journal.is_empty
        self._release(keep=self.resume and has_record and not is_input)

    def leave(self) -> None:
        """Give up the locks and leave everything as it is."""
        self._release(keep=True)

    def _release(self, *, keep: bool) -> None:
        """Close all files; the output's is last, as its lock holds the journal."""
        if self.rejected is not None:
            self.rejected.close(keep=keep)
        self.output.close(keep=keep)

    def _cut_back(self, record: Record) -> None:
        if isinstance(self.output, StagedFile | StagedParquet):
            self.output.restore(record["output"])
        if self.rejected is not None and record["rejected"] is not None:
            self.rejected.restore(record["rejected"])

    def _locks(self) -> list[Lock]:
        staged = [self.output, self.rejected]
        return [file.lock for file in staged if isinstance(file, StagedFile | StagedParquet)]

    def _refuse_same_file(self) -> None:
        paths = [lock.path for lock in self._locks()]
        if len(set(paths)) < len(paths):
            raise InputError(f"{self.path}: is given for the output and for --rejected; name two files")


def _output(path: str, file_format: str, *, force: bool, resume: bool) -> AnyOutput:
    """The output, which may be there already where an earlier run was interrupted after moving it."""
    if not resume or force:
        return make_output(path, file_format, force=force)
    output = make_output(path, file_format, force=True)
    if isinstance(output, StagedFile | StagedParquet):
        record = peek(output.lock)
        if record is not None and record["is_sealed"]:
            output.force = False  # if the output is not the sealed one, it is refused where it would be moved
            return output
    return make_output(path, file_format, force=False)
