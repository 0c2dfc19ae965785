"""Another threshold in a model file: three values of its tree and one of its metadata change."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anomaly_vae import InputError, TableScorer, load, load_scorer, read_metadata, save
from anomaly_vae.model_file.archive import METADATA, SCHEMA
from anomaly_vae.model_file.rethreshold import with_threshold
from anomaly_vae.persistence import save_threshold
from tests.anomaly_vae import forging


@pytest.fixture
def saved(path: Path) -> Path:
    save(forging.detector(), path)
    return path


@pytest.mark.parametrize("threshold", [{"offset": -5.25}, {"false_alarm_rate": 0.1}, {"contamination": 0.2}])
def test_the_threshold_is_that_of_the_detector(threshold: dict[str, float], saved: Path) -> None:
    """As if the detector itself had been saved; scores and all else stay."""
    before = read_metadata(saved)
    target = saved.with_name("other.avae")
    changed = save_threshold(saved, target, lambda detector: detector.set_threshold(**threshold))
    assert isinstance(changed, TableScorer)
    wanted, again = load(saved).set_threshold(**threshold), load(target)
    for name in ("offset_", "false_alarm_rate_", "tail_"):
        assert getattr(again, name) == getattr(wanted, name) == getattr(changed, name)
    X = forging.table()
    np.testing.assert_array_equal(again.score_samples(X), wanted.score_samples(X))
    after = read_metadata(target)
    assert after["threshold"] == wanted.metadata()["threshold"]
    own = {"threshold": None, "created": None}
    assert after | own == before | own


def test_skops_reads_the_result(saved: Path) -> None:
    """A file can replace itself, and stays a file of skops."""
    import skops.io

    save_threshold(saved, saved, lambda detector: detector.set_threshold(offset=-1.0))
    model = skops.io.load(saved, trusted=["anomaly_vae.detectors.tabular.TabularVAEDetector"])
    assert model.offset_ == -1.0
    assert model.false_alarm_rate_ is None
    assert model.random_state == 0


def test_a_pipeline_is_saved_as_ever(path: Path) -> None:
    """Its steps need scikit-learn."""
    save(forging.scaled(), path)
    save_threshold(path, path, lambda detector: detector.set_threshold(offset=-2.0))
    assert load(path).steps[-1][1].offset_ == -2.0


def test_a_wrong_threshold_leaves_the_file_as_it_was(saved: Path) -> None:
    """The error is that of ``set_threshold``."""
    before = saved.read_bytes()
    with pytest.raises(InputError, match="exactly one of"):
        save_threshold(saved, saved, lambda detector: detector.set_threshold())
    assert saved.read_bytes() == before


def test_a_file_of_an_early_release_has_no_place_for_it(saved: Path) -> None:
    """Without the basis of a rate in its state."""
    members = forging.members(forging.detector())
    tree = json.loads(members[SCHEMA])
    del tree["content"]["content"]["tail_"]
    members[SCHEMA] = json.dumps(tree).encode()
    assert METADATA in members
    scorer = load_scorer(saved)
    assert isinstance(scorer, TableScorer)
    assert with_threshold(members, scorer) is None
