"""Reading: formats, versions of libraries, and metadata that must agree with the model."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomaly_vae import ModelFileError, TabularVAEDetector, load, read_metadata
from anomaly_vae.model_file import reading
from tests.anomaly_vae import forging
from tests.anomaly_vae.conftest import refusal


class TestFormat:
    def test_a_newer_format_is_refused(self, path: Path) -> None:
        """By load and read_metadata alike, with what to upgrade."""
        forging.change_metadata(path, forging.detector(), format=reading.FORMAT + 1)
        assert "saved by a newer anomaly-vae" in refusal(path)
        with pytest.raises(ModelFileError, match="saved by a newer anomaly-vae"):
            read_metadata(path)

    @pytest.mark.parametrize("number", [0, -1, True, 1.0, "1", None])
    def test_a_format_that_is_not_a_number_is_rejected(self, number: object, path: Path) -> None:
        """Only a whole number from 1 counts formats."""
        forging.change_metadata(path, forging.detector(), format=number)
        assert "no valid format number" in refusal(path)

    def test_an_older_format_is_upgraded_step_by_step(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A file of format 1 stays readable two formats later, through both upgrades in order."""
        order = []

        def upgrade(number: int) -> Any:
            return lambda members: order.append(number) or members

        forging.change_metadata(path, forging.detector(), format=1)
        monkeypatch.setattr(reading, "FORMAT", 3)
        monkeypatch.setattr(reading, "UPGRADES", {1: upgrade(1), 2: upgrade(2)})
        assert isinstance(load(path), TabularVAEDetector)
        assert order == [1, 2]

    def test_a_missing_member_is_refused(self, path: Path) -> None:
        """A plain skops file, or one without its tree, is not a model file."""
        for name in ("metadata.json", "schema.json"):
            members = forging.members(forging.detector())
            del members[name]
            forging.write(path, members)
            assert f"not an anomaly-vae model file (no {name})" in refusal(path)

    @pytest.mark.parametrize("text", [b"", b"{", b"[1]", b'{"format": 1', b"\xff\xfe", b"[" * 100_000])
    @pytest.mark.parametrize("name", ["metadata.json", "schema.json"])
    def test_bad_json_is_refused(self, name: str, text: bytes, path: Path) -> None:
        """Text that is not a JSON object, or is nested too deeply, is rejected."""
        forging.write(path, forging.members(forging.detector()) | {name: text})
        refusal(path)


class TestMetadata:
    @pytest.mark.parametrize(
        ("key", "change"),
        [
            ("threshold", {"offset": -1e9}),
            ("threshold", {"false_alarm_rate": 1e-9}),
            ("kind", "ImageVAEDetector"),
            ("schema", []),
            ("training", {"n_rows": 10**9}),
            ("steps", [["detector", "IsolationForest"]]),
        ],
    )
    def test_metadata_that_contradict_the_model_are_refused(self, key: str, change: Any, path: Path) -> None:
        """What ``read_metadata`` shows of a file that loads is true."""
        stored = json.loads(forging.members(forging.detector())["metadata.json"])[key]
        forged = stored | change if isinstance(stored, dict) else change
        forging.change_metadata(path, forging.detector(), **{key: forged})
        assert f"its metadata contradict the model: {key!r}" in refusal(path)

    @pytest.mark.parametrize("key", ["kind", "training", "threshold", "schema", "steps"])
    def test_metadata_of_this_format_are_complete(self, key: str, path: Path) -> None:
        """What is left out could not be compared."""
        members = forging.members(forging.detector())
        metadata = json.loads(members["metadata.json"])
        del metadata[key]
        forging.write(path, members | {"metadata.json": json.dumps(metadata).encode()})
        assert f"its metadata lack {key!r}" in refusal(path)

    def test_metadata_of_an_older_file_may_say_less(self, path: Path) -> None:
        """The first files did not have the tail of a rate."""
        stored = json.loads(forging.members(forging.detector())["metadata.json"])["threshold"]
        del stored["tail"]
        forging.change_metadata(path, forging.detector(), threshold=stored, format=1)
        load(path)


class TestVersions:
    def test_skops_of_another_release_makes_no_difference(self, path: Path) -> None:
        """A file is read without it."""
        edit_versions(path, forging.scaled(), "skops", "0.1.0")
        load(path)

    def test_scikit_learn_objects_of_another_minor_release_need_an_option(self, path: Path) -> None:
        """They are refused, and loaded with a warning with check_versions=False."""
        edit_versions(path, forging.scaled(), "scikit-learn", "0.1.0")
        assert "saved with scikit-learn 0.1.0" in refusal(path)
        with pytest.warns(UserWarning, match="saved with scikit-learn 0.1.0"):
            model = load(path, check_versions=False)
        X = forging.numbers()
        np.testing.assert_array_equal(model.score_samples(X), forging.scaled().score_samples(X))

    def test_a_patch_release_makes_no_difference(self, path: Path) -> None:
        """There is no warning, not even that of scikit-learn."""
        here = read_metadata(forging.put(path, forging.scaled()))["versions"]["scikit-learn"]
        patch = ".".join([*here.split(".")[:2], "99"])
        edit_versions(path, forging.scaled(), "scikit-learn", patch)
        members = forging.read(path)
        schema = members["schema.json"].replace(f'"\\"{here}\\""'.encode(), f'"\\"{patch}\\""'.encode())
        assert schema != members["schema.json"]
        forging.write(path, members | {"schema.json": schema})
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            load(path)

    def test_a_bare_detector_does_not_depend_on_the_release(self, path: Path) -> None:
        """Its state is our own and validated, so other libraries are recorded only."""
        edit_versions(path, forging.detector(), "scikit-learn", "0.1.0")
        load(path)


def edit_versions(path: Path, model: Any, package: str, number: str) -> None:
    versions = json.loads(forging.members(model)["metadata.json"])["versions"]
    forging.change_metadata(path, model, versions=versions | {package: number})
