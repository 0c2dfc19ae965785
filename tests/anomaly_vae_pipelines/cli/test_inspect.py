"""``anomaly-vae inspect``."""

from __future__ import annotations

import json
import math
import shutil
import zipfile

import pytest

from anomaly_vae import load, read_metadata
from anomaly_vae.score_bins import ScoreBins


def test_the_metadata_of_a_model_are_shown(run, model):
    """Training, threshold, versions and every column are shown."""
    ended = run("inspect", model)
    assert (ended.code, ended.err) == (0, "")
    for word in ("trained", "threshold", "calibrated", "versions", "torch", "amount", "2 categories"):
        assert word in ended.out


def test_json_is_the_verified_metadata(run, model):
    """A program gets all that the file states, whether it is verified, two intervals and the scores."""
    shown = json.loads(run("inspect", model, "--json").out)
    assert shown.pop("verified")
    detector = load(model)
    intervals = [shown["threshold"].pop(name) for name in ("interval", "false_alarm_interval")]
    ends = [end if math.isfinite(end) else None for end in detector.threshold_interval_]
    assert intervals == [ends, list(detector.false_alarm_interval_)]
    bins = shown["threshold"].pop("histogram")
    assert bins == ScoreBins.of({"held out": detector.calibration_scores_}, detector.offset_).to_json()
    assert shown == read_metadata(model)
    shown = json.loads(run("inspect", model, "--json", "--unverified").out)
    assert not shown.pop("verified")
    assert shown == read_metadata(model)


def test_an_end_of_an_interval_that_is_open_is_null(run, model, tmp_path):
    """JSON has no infinity; without a guarantee there are no intervals."""
    path = str(tmp_path / "moved.avae")
    run("threshold", model, "--false-alarm-rate", "0.02", "-o", path)
    threshold = json.loads(run("inspect", path, "--json").out)["threshold"]
    assert threshold["interval"][0] is None
    assert threshold["interval"][1] == load(path).threshold_interval_[1]
    run("threshold", model, "--offset", "-3", "-o", path, "--force")
    threshold = json.loads(run("inspect", path, "--json").out)["threshold"]
    assert (threshold["interval"], threshold["false_alarm_interval"]) == (None, None)


def test_a_wide_interval_of_the_actual_rate_is_shown(run, model, tmp_path):
    """Only if it is verified: it follows from the model, and the file does not state it."""
    path = str(tmp_path / "moved.avae")
    line = "actual rate  "
    ended = run("threshold", model, "--false-alarm-rate", "0.05", "-o", path)
    low, high = load(path).false_alarm_interval_
    assert f"{line}{low:.2g} to {high:.2g} with 90 % confidence (54 calibration rows)\n" in ended.out
    shown = run("inspect", path).out
    assert f"{line}{low:.2g} to {high:.2g} with 90 % confidence (54 calibration rows)\n" in shown
    assert line not in run("inspect", path, "--unverified").out
    run("threshold", model, "--false-alarm-rate", "0.6", "-o", path, "--force")
    assert line not in run("inspect", path).out


@pytest.mark.slow
def test_a_child_process_shows_the_same(run, model):
    """Of a file of unknown origin, which this process then does not load."""
    assert run("inspect", model, "--untrusted").out == run("inspect", model).out


@pytest.mark.slow
def test_a_forged_threshold_is_refused_or_labelled(run, model, tmp_path):
    """What is shown without a label is what the model does."""
    path = str(tmp_path / "forged.avae")
    threshold = read_metadata(model)["threshold"]
    forge(model, path, {"threshold": threshold | {"offset": -123456.0}})
    for options in ([], ["--untrusted"]):
        ended = run("inspect", path, *options)
        assert (ended.code, "-123" in ended.out) == (2, False)
        assert "its metadata contradict the model: 'threshold'" in ended.err
    ended = run("inspect", path, "--unverified")
    assert ended.out.index("unverified  these are statements") < ended.out.index("-1.235e+05 nats")


def test_only_one_of_the_two_options_is_taken(run, model):
    """Without a load there is nothing to isolate."""
    assert run("inspect", model, "--untrusted", "--unverified").code == 2


def test_the_self_test_is_counted_and_not_printed(run, model, tmp_path):
    """Only their number is of use; files of older formats have none."""
    assert "4 generated rows" in run("inspect", model).out
    path = str(tmp_path / "other.avae")
    forge(model, path, {"self_test": {"columns": [[0.5]], "scores": [-7.25]}})
    ended = run("inspect", path, "--unverified")
    assert "1 generated row\n" in ended.out
    assert "7.25" not in ended.out
    forge(model, path, {"format": 1}, without="self_test")
    ended = run("inspect", path)
    assert (ended.code, "self-test" in ended.out) == (0, False)


def test_a_file_that_is_no_model_is_refused(run, unseen):
    """A table is not a model file."""
    ended = run("inspect", unseen)
    assert ended.code == 2
    assert ended.err.startswith(f"anomaly-vae: error: {unseen}: ")
    assert ended.err.count("\n") == 1


def test_forged_metadata_are_refused_and_do_not_reach_the_terminal(run, model, tmp_path):
    """Metadata of a forged file is data, wherever it ends up."""
    path = str(tmp_path / "forged.avae")
    shutil.copy(model, path)
    for change, code in (
        ({"kind": "\x1b[31mred"}, 2),
        ({"created": "\x1b[31mred"}, 2),
        ({"training": None}, 2),
        ({"schema": 3}, 2),
        ({"self_test": 3}, 2),
    ):
        forge(model, path, change)
        ended = run("inspect", path)
        assert ended.code == code
        assert "\x1b" not in ended.out + ended.err


def forge(model: str, path: str, change: dict[str, object], without: str = "") -> None:
    with zipfile.ZipFile(model) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "metadata.json":
                metadata = json.loads(content) | change
                metadata.pop(without, None)
                content = json.dumps(metadata).encode()
            target.writestr(name, content)
