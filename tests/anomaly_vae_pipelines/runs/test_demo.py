"""The demo on real data."""

from __future__ import annotations

import pytest

from anomaly_vae.detectors import _recipe
from anomaly_vae_pipelines.errors import OutputExistsError
from anomaly_vae_pipelines.runs.demo import COMMANDS, ID, LABEL, run_demo
from tests.anomaly_vae_pipelines.conftest import read_rows


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(directory):
    return run_demo(directory)


def test_the_demo_finds_malignant_tumours(demo):
    """Fitted on benign rows alone, the model ranks malignant ones as anomalous."""
    assert demo.evaluation.auroc > 0.9
    assert demo.fit.n_rows < demo.score.n_rows


def test_the_demo_is_level_with_its_peers(demo):
    """Within a few hundredths, and the peers are shown whether they are ahead or not."""
    assert set(demo.peers) == {"isolation forest", "kNN"}
    assert all(abs(demo.evaluation.auroc - auroc) < 0.03 for auroc in demo.peers.values())


def test_findings_are_the_lowest_scores_and_say_why(demo, directory):
    """Each finding names its reasons; observed values are those of the file."""
    rows = {row[ID]: row for row in read_rows(directory / "scored.csv")}
    scores = sorted(float(row["score"]) for row in rows.values())
    assert [finding.score for finding in demo.anomalies] == scores[:5]
    for finding in demo.anomalies:
        assert finding.truth == rows[finding.name][LABEL.column]
        assert round(finding.severity, 4) == float(rows[finding.name]["severity"])
        assert finding.reasons
        for reason in finding.reasons:
            assert reason.nats < 0
            if reason.column != "latent":
                seen = float(rows[finding.name][reason.column])
                assert float(reason.observed) == pytest.approx(seen, rel=1e-3)


def test_the_demo_replaces_nothing_unasked(demo, directory):
    """A second run in the same place is refused."""
    with pytest.raises(OutputExistsError):
        run_demo(directory)


def test_the_commands_shown_do_the_same(run, monkeypatch, tmp_path):
    """Typed in the demo's directory, they give the demo's scores."""
    monkeypatch.setattr(_recipe, "_FOLD_STEPS", 10)
    run_demo(tmp_path)
    before = read_rows(tmp_path / "scored.csv")
    monkeypatch.chdir(tmp_path)
    for command in COMMANDS:
        program, *arguments = command.split()
        assert program == "anomaly-vae"
        ended = run(*arguments)
        assert ended.code == 0, ended.err
    assert read_rows(tmp_path / "scored.csv") == before
