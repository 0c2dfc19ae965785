"""A child process that loads a model file of unknown origin: what it gives, and what it cannot take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anomaly_vae import ModelFileError, load
from anomaly_vae.model_file import child
from anomaly_vae.persistence import verified_metadata
from tests.anomaly_vae import forging


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return forging.put(tmp_path / "model.avae", forging.encoded())


def program(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Put other code in the place of the child's program."""
    (folder / "stand_in_child.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(child, "_PROGRAM", "stand_in_child")


@pytest.mark.slow
def test_a_child_gives_the_metadata_that_a_load_here_gives(path: Path) -> None:
    """And a model that passed is loaded."""
    assert verified_metadata(path, isolated=True) == json.loads(json.dumps(verified_metadata(path)))
    assert load(path, isolated=True).steps[0][0] == "columns"


def test_an_error_of_the_child_is_that_of_a_load_here(path: Path) -> None:
    """In one line, with the name of the file."""
    forging.forge(path, forging.encoded(), lambda root, _: root.update(protocol=1))
    with pytest.raises(ModelFileError) as here:
        load(path)
    with pytest.raises(ModelFileError) as there:
        load(path, isolated=True)
    assert str(here.value) == str(there.value)


def test_a_crash_ends_the_child_alone(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the signal."""
    program(tmp_path, monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(ModelFileError, match="a child process ended with SIGSEGV while loading it"):
        load(path, isolated=True)


def test_a_child_without_an_answer_is_an_error(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it prints instead."""
    for code in ("print('[]')", "print('nonsense')", "raise SystemExit(3)"):
        program(tmp_path, monkeypatch, code)
        with pytest.raises(ModelFileError, match="a child process ended with exit code"):
            load(path, isolated=True)


def test_a_load_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time that it may take."""
    program(tmp_path, monkeypatch, "import time; time.sleep(600)")
    with pytest.raises(ModelFileError, match=r"did not load it within 0.5 seconds"):
        child.metadata_from_child(b"", check_versions=True, seconds=0.5)
