"""What a model file holds and states, of tables and of images."""

from __future__ import annotations

import json

import numpy as np
import pytest

from anomaly_vae.persistence import load, read_metadata
from anomaly_vae_pipelines.runs.model_facts import HISTORY_POINTS, model_facts
from anomaly_vae_pipelines.scoring.model_files import open_model


@pytest.fixture(params=["model", "image_model"])
def path(request):
    return request.getfixturevalue(request.param)


def test_they_are_the_metadata_of_the_model_and_the_statements_of_its_file(path):
    facts, detector, stated = model_facts(open_model(path)), load(path), read_metadata(path)
    verified = detector.metadata()
    assert facts["columns"] == verified["schema"]
    assert facts["training"] == verified["training"]
    assert facts["kind"] == type(detector).__name__
    assert facts["threshold"].items() >= verified["threshold"].items()
    ends = [end if np.isfinite(end) else None for end in detector.threshold_interval_]
    assert facts["threshold"]["interval"] == ends
    for name in ("created", "versions", "provenance"):
        assert facts[name] == stated[name]
    assert (facts["image"] is None) == bool(facts["columns"])


def test_they_are_json_of_bounded_size(path):
    facts = model_facts(open_model(path))
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert len(facts["history"]) <= HISTORY_POINTS
