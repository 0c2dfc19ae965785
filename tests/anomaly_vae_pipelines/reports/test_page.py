"""The page is made from JSON alone; the content of whole pages is tested with the command."""

from __future__ import annotations

import json

from anomaly_vae_pipelines.reports.page import report_page
from anomaly_vae_pipelines.runs.report import report_files
from anomaly_vae_pipelines.scoring.model_files import open_model


def test_a_model_without_data_has_a_page(model):
    content = json.loads(json.dumps(report_files(open_model(model), []), allow_nan=False))
    page = report_page(content)
    assert "What was learned" in page
    assert f"{content['model']['threshold']['offset']:.4g} nats" in page
    assert "Which rows" not in page
