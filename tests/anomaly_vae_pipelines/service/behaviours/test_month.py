"""A month in production, as the tutorial tells it, with a service that runs all the while."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import TabularVAEDetector, save
from tests.anomaly_vae_pipelines.service.live import serving, until

RULES = """
[[rule]]
name = "row"
kind = "score"

[[rule]]
name = "drift"
kind = "drift"

[[sink]]
kind = "jsonl"
path = "{folder}/alerts.jsonl"
"""


def stream(n_rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Rows of five numbers; one in twenty is a fault, and one in twenty is unusual but intended."""
    random = np.random.default_rng(seed)
    X = pd.DataFrame(random.normal(size=(n_rows, 5)), columns=list("abcde")).round(4)
    kind = np.arange(n_rows) % 20
    X.loc[kind == 3, "a"] += 8
    X.loc[kind == 7, "b"] += 8
    X["c"] += shift
    return X.assign(label=np.where(kind == 3, "anomalous", "normal"))


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_month(run, tmp_path):
    """Fit, watch, alert, judge by page and by command, learn, compare, promote, drift, fit again."""
    models, rules = tmp_path / "models", tmp_path / "rules.toml"
    models.mkdir()
    rules.write_text(RULES.format(folder=tmp_path))
    features = list("abcde")
    save(
        TabularVAEDetector(max_steps=50, validation_fraction=0.25, random_state=0).fit(
            stream(600, 0)[features]
        ),
        models / "1.avae",
    )
    first, second = str(models / "1.avae"), str(tmp_path / "2.avae")
    day = stream(200, 1)
    day.to_csv(tmp_path / "day.csv", index=False)
    watch = ("watch", first, str(tmp_path / "day.csv"), "--alerts", str(rules), "--once", "--quiet")
    assert run(*watch, "--checkpoint", str(tmp_path / "1.state")).code == 0
    alerts = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert {alert["rule"] for alert in alerts} == {"row"}

    folder = tmp_path / "verdicts"
    folder.mkdir()
    with serving([f"m={models}"], "--verdicts-folder", str(folder)) as live, live.client() as client:
        rows = day[features].to_dict("records")
        scored = client.post("/v1/score", json={"rows": rows}).json()["rows"]
        flagged = [position for position, row in enumerate(scored) if row["is_anomaly"]]
        said = [{**rows[k], "verdict": str(day["label"][k]), "verdict_id": f"day/{k}"} for k in flagged]
        assert client.post("/v1/verdicts", json={"rows": said}).json()["stored"] == len(said)
        os.kill(live.pid, signal.SIGKILL)  # what was stored stays

    learned = run("learn", first, str(folder / "m.jsonl"), "-o", second)
    assert learned.code == 0, learned.err
    stream(400, 2).to_csv(tmp_path / "known.csv", index=False)
    labels = ("--label", "label", "--normal", "normal")
    gate = "recall>=old-0.02,false_alarms<=0.06"
    compared = run("compare", first, second, str(tmp_path / "known.csv"), *labels, "--gate", gate)
    assert compared.code == 0, compared.out + compared.err

    settings = {"ANOMALY_VAE_RELOAD_INTERVAL": "0.1", "ANOMALY_VAE_ISOLATE": "never"}
    with serving([f"m={models}"], **settings) as live, live.client() as client:

        def version() -> str:
            return client.post("/v1/score", json={"rows": rows[:1]}).json()["model"]["version"]

        assert version() == "1"
        shutil.copy(second, models / ".next")
        (models / ".next").rename(models / "2.avae")
        assert until(lambda: version() == "2", 30)
        intended = day[features][day.index % 20 == 7].to_dict("records")
        answer = client.post("/v1/score", json={"rows": intended}).json()["rows"]
        assert sum(row["is_anomaly"] for row in answer) < len(intended) / 2

    moved = stream(300, 3, shift=1.5)
    moved.to_csv(tmp_path / "moved.csv", index=False)
    again = ("watch", second, str(tmp_path / "moved.csv"), "--alerts", str(rules), "--once", "--quiet")
    assert run(*again, "--checkpoint", str(tmp_path / "2.state")).code == 0
    drift = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()][-1]
    assert drift["rule"] == "drift"
    assert "c" in drift["what"]
    refit = run("fit", str(tmp_path / "moved.csv"), "-o", str(models / "3.avae"), "--from", second, "--quiet")
    assert refit.code == 0, refit.err
    stream(300, 4, shift=1.5).to_csv(tmp_path / "later.csv", index=False)
    still = run("drift", str(models / "3.avae"), str(tmp_path / "later.csv"), "--fail-on-alert")
    assert still.code == 0, still.out
    assert Path(models / "3.avae").exists()
