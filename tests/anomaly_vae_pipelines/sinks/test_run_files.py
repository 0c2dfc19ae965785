"""The files of a run, and how an interrupted run is resumed."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import OutputExistsError, SinkError, TooManyRejectedError
from anomaly_vae_pipelines.sinks.run_files import RunFiles

RUN = {"model": "m", "inputs": [["a.csv", 9]]}


def files_of(tmp_path: Path, *, resume: bool = True, force: bool = False) -> RunFiles:
    rejected = str(tmp_path / "rejected.csv")
    return RunFiles(str(tmp_path / "out.csv"), "csv", rejected, force=force, resume=resume)


def started(tmp_path: Path, **options: bool) -> RunFiles:
    """The files of a run that starts, with one checkpoint and rows after it."""
    files = files_of(tmp_path, **options)
    files.acquire()
    assert files.restore(RUN) is None
    files.output.write(b"one\n")
    files.write_rejected(b"bad\n", b"header\n")
    files.checkpoint(RUN, {"n_rows": 2})
    files.output.write(b"two\n")
    files.write_rejected(b"worse\n", b"header\n")
    return files


def publish(files: RunFiles, record: dict) -> None:
    files.publish_rejected(record)
    files.publish_output(record)
    files.finish()


def content(tmp_path: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in tmp_path.iterdir()}


def test_an_undisturbed_run_leaves_its_files_and_nothing_else(tmp_path):
    """The header precedes the first rejected row only."""
    files = started(tmp_path, resume=False)
    assert content(tmp_path).keys().isdisjoint({"out.csv", "rejected.csv"})
    publish(files, files.complete(RUN, {"n_rows": 4}))
    assert content(tmp_path) == {"out.csv": "one\ntwo\n", "rejected.csv": "header\nbad\nworse\n"}


def test_an_interrupted_run_is_resumed_at_its_checkpoint(tmp_path):
    """Rows after the checkpoint are written again; the state of the run comes back."""
    started(tmp_path).abort(KeyboardInterrupt())
    files = files_of(tmp_path)
    files.acquire()
    assert files.restore(RUN)["n_rows"] == 2
    files.output.write(b"TWO\n")
    files.write_rejected(b"WORSE\n", b"header\n")
    publish(files, files.complete(RUN, {"n_rows": 4}))
    assert content(tmp_path) == {"out.csv": "one\nTWO\n", "rejected.csv": "header\nbad\nWORSE\n"}


@pytest.mark.parametrize("n_published", [0, 1, 2])
def test_a_complete_run_only_has_to_be_published(tmp_path, n_published):
    """However many of its files were published before it was interrupted."""
    files = started(tmp_path)
    record = files.complete(RUN, {"n_rows": 4})
    for step in (files.publish_rejected, files.publish_output)[:n_published]:
        step(record)
    files.abort(KeyboardInterrupt())
    again = files_of(tmp_path)
    again.acquire()
    record = again.restore(RUN)
    assert again.is_complete
    publish(again, record)
    assert content(tmp_path) == {"out.csv": "one\ntwo\n", "rejected.csv": "header\nbad\nworse\n"}


@pytest.mark.parametrize(
    ("resume", "error"),
    [
        (False, KeyboardInterrupt()),
        (True, InputError("a.csv, line 3: wanted 2 cells")),
        (True, TooManyRejectedError("too many")),
    ],
)
def test_a_run_that_cannot_be_resumed_leaves_nothing(tmp_path, resume, error):
    """Without --resume, or if the input has to change."""
    started(tmp_path, resume=resume).abort(error)
    assert content(tmp_path) == {}


def test_another_run_is_not_resumed(tmp_path):
    """Its files are kept for the run that they belong to."""
    started(tmp_path).abort(SinkError("disk full"))
    kept = content(tmp_path)
    other = files_of(tmp_path)
    other.acquire()
    with pytest.raises(InputError, match="had another model, other inputs or other options"):
        other.restore({"model": "other"})
    other.release()
    assert content(tmp_path) == kept


def test_one_of_two_runs_fails_without_a_change(tmp_path):
    """Also if it is the file of rejected rows that both write."""
    files = started(tmp_path)
    before = content(tmp_path)
    second = RunFiles(
        str(tmp_path / "other.csv"), "csv", str(tmp_path / "rejected.csv"), force=True, resume=False
    )
    with pytest.raises(SinkError, match="another run is writing it"):
        second.acquire()
    assert content(tmp_path) == before
    files.abort(InputError("done"))


def test_outputs_that_exist_or_are_the_same_file_are_rejected(tmp_path):
    """Before anything is locked or written."""
    out = str(tmp_path / "out.csv")
    with pytest.raises(InputError, match="is used for the output and for --rejected"):
        RunFiles(out, "csv", out, force=False, resume=False)
    Path(out).write_text("old")
    for resume in (True, False):
        with pytest.raises(OutputExistsError):
            files_of(tmp_path, resume=resume)
    assert content(tmp_path) == {"out.csv": "old"}
