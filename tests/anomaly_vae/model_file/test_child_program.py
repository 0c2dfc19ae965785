"""The program of the child: one line of JSON, and limits on what a load may take."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anomaly_vae import ModelFileError
from anomaly_vae.model_file import child_program
from anomaly_vae.model_file.reading import metadata_of
from tests.anomaly_vae import forging


def answer(data: bytes, mode: str = "check") -> Any:
    """What the program prints for the bytes of a file."""
    command = [sys.executable, "-m", "anomaly_vae.model_file.child_program", mode]
    ended = subprocess.run(command, input=data, capture_output=True, check=True)
    (line,) = ended.stdout.splitlines()
    return json.loads(line)


def test_it_prints_verified_metadata_in_one_line() -> None:
    """Those that a load in this process gives."""
    data = forging.saved(forging.scaled())
    assert answer(data) == {"metadata": json.loads(json.dumps(metadata_of(data, check_versions=True)))}


class Input:
    """Standard input with the bytes of a file."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 and no zip", b"\x80\x04."], ids=repr)
def test_a_file_that_is_rejected_is_an_answer_too(
    data: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the reason of a load in this process; the program itself does not fail."""
    monkeypatch.setattr(sys, "stdin", Input(data))
    monkeypatch.setattr(os, "nice", lambda priority: None)
    monkeypatch.setattr(child_program, "_limit", lambda size: None)
    child_program.main(["check"])
    with pytest.raises(ModelFileError) as here:
        metadata_of(data, check_versions=True)
    assert json.loads(capsys.readouterr().out) == {"error": str(here.value)}


@pytest.mark.slow
def test_versions_are_compared_unless_it_is_started_with_any(tmp_path: Path) -> None:
    """As with check_versions."""
    path = tmp_path / "model.avae"
    versions = json.loads(forging.members(forging.scaled())["metadata.json"])["versions"]
    forging.change_metadata(path, forging.scaled(), versions=versions | {"scikit-learn": "0.1.0"})
    assert "saved with scikit-learn 0.1.0" in answer(path.read_bytes())["error"]
    assert "metadata" in answer(path.read_bytes(), "any")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the data of a process")
def test_memory_is_limited_to_three_times_the_file_and_200_mb() -> None:
    """Less is; and no file can be written."""
    code = (
        "from anomaly_vae.model_file.child_program import _limit\n"
        "_limit(10 * 2**20)\n"
        "taken = bytearray(190 * 2**20)\n"
        "try:\n    more = bytearray(60 * 2**20)\n"
        "except MemoryError:\n    print('no memory')\n"
        "try:\n    open('/tmp/anomaly-vae-child-test', 'wb').write(b'x' * 10**6)\n"
        "except OSError:\n    print('no file')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split("\n") == ["no memory", "no file", ""]
