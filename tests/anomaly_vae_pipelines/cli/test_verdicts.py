"""``anomaly-vae verdicts``."""

from __future__ import annotations

import pytest

from tests.anomaly_vae_pipelines.conftest import read_rows


@pytest.fixture
def scored(run, model, unseen, tmp_path):
    path = str(tmp_path / "scored.csv")
    run("score", model, unseen, "-o", path)
    return path


def test_answers_become_verdicts_that_a_model_learns_from(run, model, scored, tmp_path):
    """Yes, no, skip, undo and quit; a wrong letter is asked again."""
    path = str(tmp_path / "verdicts.csv")
    ended = run("verdicts", scored, "-o", path, "--all", stdin=b"y\nn\nx\ns\nn\nu\ny\nq\n")
    assert ended.code == 0
    assert ended.out.splitlines()[-1] == f"3 verdicts (2 anomalous, 1 normal), saved to {path}"
    rows = sorted(read_rows(scored), key=lambda row: float(row["score"]))
    assert [row["verdict"] for row in read_rows(path)] == ["anomalous", "normal", "anomalous"]
    assert [row["code"] for row in read_rows(path)] == [rows[number]["code"] for number in (0, 1, 3)]
    assert "1 of 40: " in ended.out
    learned = str(tmp_path / "learned.avae")
    assert run("learn", model, path, "-o", learned).code == 0
    assert "1 normal, 2 anomalous" in run("inspect", learned).out


def test_an_interrupted_session_keeps_its_answers(run, scored, tmp_path):
    """The file is complete after each answer, and after an undo."""
    path = str(tmp_path / "verdicts.csv")
    assert run("verdicts", scored, "-o", path, "--all", stdin=b"y\nn\n").code == 130
    assert len(read_rows(path)) == 2
    assert run("verdicts", scored, "-o", path, "--all", stdin=b"y\n").code == 2
    assert run("verdicts", scored, "-o", path, "--all", "--force", stdin=b"y\nu\n").code == 130
    assert read_rows(path) == []


def test_without_an_answer_nothing_is_written(run, scored, tmp_path):
    """Quitting at once."""
    path = tmp_path / "verdicts.csv"
    ended = run("verdicts", scored, "-o", str(path), "--all", stdin=b"q\n")
    assert ended.out.endswith("0 verdicts (0 anomalous, 0 normal); nothing was written\n")
    assert not path.exists()
