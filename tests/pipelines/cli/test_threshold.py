"""``anomaly-vae threshold``."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae import load


@pytest.mark.parametrize(
    ("option", "value", "rate"),
    [("--false-alarm-rate", "0.25", 0.25), ("--contamination", "0.1", None), ("--offset", "-3.2", None)],
)
def test_a_threshold_moves_in_three_ways(run, model, tmp_path, option, value, rate):
    """The new model is written, the old one is as it was, and nothing is fitted again."""
    path = str(tmp_path / "moved.avae")
    before = load(model)
    ended = run("threshold", model, option, value, "-o", path)
    after = load(path)
    assert ended.code == 0
    assert after.false_alarm_rate_ == rate
    assert after.offset_ != before.offset_ == load(model).offset_
    np.testing.assert_array_equal(after.calibration_scores_, before.calibration_scores_)
    assert f"{after.offset_:.4g} nats" in ended.out


@pytest.mark.parametrize("options", [[], ["--offset", "0", "--contamination", "0.1"]])
def test_exactly_one_way_is_given(run, model, tmp_path, options):
    """None and two are bad usage."""
    ended = run("threshold", model, *options, "-o", str(tmp_path / "moved.avae"))
    assert ended.code == 2
    assert "one of --" in ended.err


@pytest.mark.parametrize(
    "options", [["--false-alarm-rate", "1e-9"], ["--offset", "nan"], ["--contamination", "0.9"]]
)
def test_a_threshold_that_cannot_be_is_refused(run, model, tmp_path, options):
    """What held-out rows cannot promise is said, and no model is written."""
    path = tmp_path / "moved.avae"
    ended = run("threshold", model, *options, "-o", str(path))
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert not path.exists()


def test_a_model_can_be_replaced_by_its_moved_self(run, model, tmp_path):
    """With --force the output may be the input."""
    path = str(tmp_path / "moved.avae")
    assert run("threshold", model, "--offset", "1", "-o", path).code == 0
    assert run("threshold", path, "--offset", "2", "-o", path).code == 2
    assert run("threshold", path, "--offset", "2", "-o", path, "--force").code == 0
    assert load(path).offset_ == 2.0
