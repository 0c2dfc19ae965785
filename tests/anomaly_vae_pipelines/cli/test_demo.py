"""``anomaly-vae demo``."""

from __future__ import annotations

from anomaly_vae.detectors import _recipe
from anomaly_vae_pipelines.runs.demo import COMMANDS, NEXT


def test_the_demo_shows_commands_results_and_reasons(run, monkeypatch, tmp_path):
    """The output has every command, and reasons for anomalous rows."""
    monkeypatch.setattr(_recipe, "_FOLD_STEPS", 10)
    directory = tmp_path / "new" / "demo"
    ended = run("demo", "--out", str(directory))
    assert (ended.code, ended.err) == (0, "")
    for line in (f"cd {directory}", *COMMANDS, NEXT):
        assert f"$ {line}\n" in ended.out
    for word in (
        "AUROC",
        "patient",
        "malignant",
        "severity",
        "share",
        "observed",
        "expected",
        "isolation forest 0.9",
        "kNN 0.9",
    ):
        assert word in ended.out
    names = {"train.csv", "test.csv", "model.avae", "scored.csv"}
    assert {path.name for path in directory.iterdir()} == names


def test_the_demo_refuses_to_replace_files(run, tmp_path):
    """Existing files are not replaced without --force."""
    (tmp_path / "test.csv").write_text("mine")
    ended = run("demo", "--out", str(tmp_path))
    assert ended.code == 2
    assert "exists already" in ended.err
    assert (tmp_path / "test.csv").read_text() == "mine"
