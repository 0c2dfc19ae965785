"""Files of verdicts: what is acknowledged is on disk, once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.io import system
from anomaly_vae_pipelines.service.errors import UnstoredError
from anomaly_vae_pipelines.service.models.verdicts import Verdict, VerdictLog

ABOUT = {"verdict_time": "2026-01-01T00:00:00+00:00"}


def stored(folder: Path, name: str = "m.jsonl") -> list[tuple[str, str | None]]:
    lines = [json.loads(line) for line in (folder / name).read_text().splitlines()]
    return [(line["verdict_id"], line["verdict"]) for line in lines]


@pytest.fixture
def log(tmp_path):
    log = VerdictLog(tmp_path)
    yield log
    log.close()


def test_a_line_has_the_row_and_what_was_said(log, tmp_path):
    """And what the service adds."""
    assert log.append("m", [Verdict("a", "normal", {"x": 1.5, "é": None})], ABOUT) == (1, 0)
    (line,) = (tmp_path / "m.jsonl").read_text().splitlines()
    assert json.loads(line) == {"x": 1.5, "é": None, "verdict": "normal", "verdict_id": "a", **ABOUT}


def test_a_verdict_is_stored_once(log, tmp_path):
    """By its id, or by its row if it has none; a change of mind is stored, and so is its withdrawal."""
    first, row = Verdict("a", "normal", {"x": 1}), Verdict("", "normal", {"x": 2, "y": "b"})
    assert log.append("m", [first, first, row, Verdict("", "normal", {"y": "b", "x": 2})], ABOUT) == (2, 2)
    assert log.append("m", [first, row], ABOUT) == (0, 2)
    log.close()
    again = VerdictLog(tmp_path)
    assert again.append("m", [first, row], ABOUT) == (0, 2)
    assert again.append("m", [first._replace(verdict="anomalous")], ABOUT) == (1, 0)
    assert again.append("m", [first._replace(verdict="")], ABOUT) == (1, 0)
    assert again.append("m", [first._replace(verdict=""), Verdict("b", "", {})], ABOUT) == (0, 2)
    again.close()
    assert [said for _, said in stored(tmp_path)] == ["normal", "normal", "anomalous", None]


def test_a_line_that_was_cut_off_is_replaced(tmp_path):
    """Its verdict was not acknowledged, so the client sends it again."""
    log = VerdictLog(tmp_path)
    log.append("m", [Verdict("a", "normal", {})], ABOUT)
    log.close()
    whole = (tmp_path / "m.jsonl").read_bytes()
    (tmp_path / "m.jsonl").write_bytes(whole + b'{"verdict_id": "b", "verd')
    again = VerdictLog(tmp_path)
    again.append("m", [Verdict("b", "normal", {}), Verdict("a", "normal", {})], ABOUT)
    again.close()
    assert stored(tmp_path) == [("a", "normal"), ("b", "normal")]


@pytest.mark.parametrize("name", ["write", "sync", "open"])
def test_a_failed_write_stores_nothing(tmp_path, monkeypatch, name):
    """The error names the reason, and the next attempt is stored."""

    class Failing(system.Calls):
        """Write half of the data, then the disk is full."""

    def fail(self, first, *rest):
        if name == "write":
            system.Calls.write(self, first, bytes(rest[0])[:5])
        raise OSError(28, "No space left on device")

    log = VerdictLog(tmp_path)
    log.append("m", [Verdict("a", "normal", {})], ABOUT)
    monkeypatch.setattr(Failing, name, fail)
    with monkeypatch.context() as patch:
        patch.setattr(system, "calls", Failing())
        with pytest.raises(UnstoredError, match="No space left on device.*none was stored"):
            log.append("m", [Verdict("b", "normal", {})], ABOUT)
    assert stored(tmp_path) == [("a", "normal")]
    assert log.append("m", [Verdict("b", "normal", {})], ABOUT) == (1, 0)
    log.close()
    assert stored(tmp_path) == [("a", "normal"), ("b", "normal")]


def test_one_service_at_a_time_writes_a_file(log, tmp_path):
    """Of two with the same folder, the second refuses verdicts until the first has ended."""
    log.append("m", [Verdict("a", "normal", {})], ABOUT)
    other = VerdictLog(tmp_path)
    with pytest.raises(UnstoredError, match="another run is writing it"):
        other.append("m", [Verdict("b", "normal", {})], ABOUT)
    log.close()
    assert other.append("m", [Verdict("b", "normal", {})], ABOUT) == (1, 0)
    other.close()


@pytest.mark.parametrize("name", ["../m", "a/b", "..", ".hidden", "naïve"])
def test_any_name_of_a_model_is_a_file_in_the_folder(log, tmp_path, name):
    """Also one with the signs of a path."""
    log.append(name, [Verdict("a", "normal", {})], ABOUT)
    files = [path for path in tmp_path.iterdir() if path.suffix == ".jsonl"]
    assert len(files) == 1
    assert not files[0].name.startswith(".")


def test_what_is_not_a_folder_of_verdicts_is_refused(log, tmp_path):
    """At the start, or with the first verdict."""
    with pytest.raises(InputError, match="is not a folder that can be written to"):
        VerdictLog(tmp_path / "nowhere")
    (tmp_path / "m.jsonl").write_text('{"x": 1}\n')
    with pytest.raises(UnstoredError, match="line 1: is not a verdict of this service"):
        log.append("m", [Verdict("a", "normal", {})], ABOUT)
