"""What a model file says about its origin is checked, as the file may be forged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anomaly_vae import ModelFileError, load, read_metadata, save
from anomaly_vae.model_file.archive import METADATA, pack
from anomaly_vae.model_file.provenance import MAX_STEPS, PROVENANCE, check_provenance, extended
from anomaly_vae.persistence import save_threshold, verified_metadata
from tests.anomaly_vae import forging

DATA = {
    "name": "train.csv",
    "rows": 3,
    "columns": 2,
    "sha256": "0" * 64,
    "time": "day",
    "first": "",
    "last": "",
}
STEP = {
    "step": "fit",
    "created": "2026-01-01",
    "version": "1.0",
    "command": "fit é",
    "parent": "0123456789abcdef",
    "data": DATA,
}


def test_valid_steps_and_none_pass():
    """Every entry of a step is optional."""
    check_provenance({PROVENANCE: [STEP, {}, {"data": {}}]})
    check_provenance({})


@pytest.mark.parametrize("steps", [None, [], {}, "x", 1, [[]], ["fit"], [{}] * (MAX_STEPS + 1)])
def test_another_type_is_refused(steps):
    """The message says that it is the provenance."""
    with pytest.raises(ModelFileError, match="its provenance"):
        check_provenance({PROVENANCE: steps})


@pytest.mark.parametrize(
    "change",
    [
        {"x": 1}, {"step": "eval"}, {"step": ["fit"]},
        {"command": 3}, {"command": ["fit"]}, {"command": "a\nb"}, {"command": "\x1b[2J"},
        {"command": "x" * 3000}, {"command": "\ud800"}, {"created": None}, {"parent": "../x"},
        {"parent": "0" * 15}, {"parent": "A" * 16}, {"data": []}, {"data": {"x": 1}}, {"data": {"rows": -1}},
        {"data": {"rows": True}}, {"data": {"rows": 1.5}}, {"data": {"rows": 10**30}},
        {"data": {"sha256": "0" * 63}}, {"data": {"sha256": 0}}, {"data": {"name": "\u202e"}},
        {"data": {"first": {"deep": []}}},
    ],
)  # fmt: skip
def test_anything_else_in_a_step_is_refused(change):
    """Wherever it stands."""
    with pytest.raises(ModelFileError, match="its provenance"):
        check_provenance({PROVENANCE: [STEP, STEP | change]})


def test_a_forged_file_is_refused(path: Path):
    """Before its model is returned."""
    members = forging.members(forging.detector())
    metadata = json.loads(members[METADATA])
    members[METADATA] = json.dumps(metadata | {PROVENANCE: [STEP | {"command": "\x1b[2J"}]}).encode()
    path.write_bytes(pack(members))
    with pytest.raises(ModelFileError, match="its provenance has no valid 'command'"):
        load(path)


def test_a_threshold_keeps_the_steps_and_adds_its_own(path: Path):
    """A file without any starts with it; without a step, nothing changes."""
    save(forging.detector(), path, provenance=[STEP])
    save_threshold(path, path, lambda detector: detector.set_threshold(offset=-1.0))
    assert read_metadata(path)[PROVENANCE] == [STEP]
    save_threshold(path, path, lambda detector: detector.set_threshold(offset=-1.0), step={"command": "b"})
    assert verified_metadata(path)[PROVENANCE] == [STEP, {"command": "b"}]
    save(forging.detector(), path)
    assert PROVENANCE not in read_metadata(path)


def test_the_first_step_and_the_latest_are_kept():
    """The first names the training data."""
    steps = [{"command": str(number)} for number in range(MAX_STEPS)]
    longer = extended({PROVENANCE: steps}, {"command": "new"})
    assert len(longer) == MAX_STEPS
    assert [step["command"] for step in longer[:2]] == ["0", "2"]
    assert longer[-1] == {"command": "new"}
    assert extended({}, {"command": "new"}) == [{"command": "new"}]


@pytest.mark.parametrize("step", [{"command": "a\nb"}, {"x": 1}])
def test_wrong_steps_are_not_saved(path: Path, step):
    """No file is written that could not be loaded."""
    with pytest.raises(ModelFileError, match="its provenance"):
        save(forging.detector(), path, provenance=[step])
    assert not path.exists()
