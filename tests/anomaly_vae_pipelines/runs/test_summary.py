"""The JSON summary next to the output of a run."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import pytest

from anomaly_vae_pipelines.runs.score import ScoreRun
from anomaly_vae_pipelines.runs.summary import summary_path, write_summary


def test_the_file_has_every_field_of_the_summary(tmp_path, model, unseen):
    """And the two rates that follow from them."""
    out = str(tmp_path / "out.csv")
    summary = ScoreRun(model, [unseen], out)()
    write_summary(summary)
    written = json.loads((tmp_path / "out.csv.summary.json").read_text())
    assert written.pop("alert_rate") == summary.n_anomalies / 40
    assert written.pop("rows_per_second") == round(summary.rows_per_second)
    assert written == asdict(summary) | {"inputs": [unseen]}


def test_numbers_that_json_does_not_have_are_null(tmp_path, model, unseen):
    """A quantile of no scores, and a threshold that flags no row."""
    summary = ScoreRun(model, [unseen], str(tmp_path / "out.csv"))()
    write_summary(replace(summary, threshold=-math.inf, quantiles={"p50": math.nan, "p99": 1.5}))
    written = json.loads((tmp_path / "out.csv.summary.json").read_text())
    assert written["threshold"] is None
    assert written["quantiles"] == {"p50": None, "p99": 1.5}


@pytest.mark.parametrize("output", ["-", "s3://bucket/out.csv", "/dev/null"])
def test_a_stream_or_url_has_no_summary(output):
    """There is no local file to put it next to."""
    assert summary_path(output) is None
