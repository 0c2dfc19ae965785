"""Save and load: which models come back, which files are rejected, and what is written."""

from __future__ import annotations

import copy
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from anomaly_vae import InputError, ModelFileError, TabularVAEDetector, load, read_metadata, save
from anomaly_vae.model_file import reading
from tests.anomaly_vae import forging
from tests.anomaly_vae.conftest import refusal


class Doubler(TransformerMixin, BaseEstimator):
    """A transformer of the user's own: its code is not in the file."""

    def fit(self, X: Any, y: Any = None) -> Doubler:
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        return 2 * X


class TestRoundTrip:
    @pytest.mark.parametrize(
        ("fitted", "X"),
        [
            (forging.detector, forging.table()),
            (forging.scaled, forging.numbers()),
            (forging.encoded, forging.table()),
        ],
        ids=["detector", "scaler", "column transformer"],
    )
    def test_scores_are_the_same_bit_for_bit(self, fitted: Any, X: Any, path: Path) -> None:
        """A loaded model gives the very scores, predictions and parameters of the one that was saved."""
        model = fitted()
        save(model, path)
        again = load(path)
        np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))
        np.testing.assert_array_equal(again.decision_function(X), model.decision_function(X))
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        assert repr(again) == repr(model)

    def test_a_loaded_model_saves_again_to_the_same_members(self, path: Path) -> None:
        """Nothing is lost on the way: the second file holds the arrays of the first."""
        save(forging.scaled(), path)
        first = forging.read(path)
        save(load(path), path)
        arrays = [
            sorted(data for name, data in members.items() if name.endswith(".npy"))
            for members in (first, forging.read(path))
        ]
        assert arrays[0] == arrays[1]

    def test_a_str_path_and_joblib_work_too(self, path: Path) -> None:
        """A path may be a str; users who trust a file may still use joblib."""
        save(forging.detector(), str(path))
        assert isinstance(load(str(path)), TabularVAEDetector)
        joblib.dump(forging.detector(), path)
        X = forging.table()
        np.testing.assert_array_equal(joblib.load(path).score_samples(X), forging.detector().score_samples(X))


class TestSave:
    def test_only_detectors_are_saved(self, path: Path) -> None:
        """A model without a detector at its end has no scores in nats to keep."""
        for model in (IsolationForest(), make_pipeline(StandardScaler(), PCA()), "model", None):
            with pytest.raises(InputError, match="only a detector, or a Pipeline"):
                save(model, path)
        assert not path.exists()

    def test_an_unfitted_model_is_refused(self, path: Path) -> None:
        """There is nothing to keep before fit."""
        for model in (forging.untrained(), make_pipeline(StandardScaler(), forging.untrained())):
            with pytest.raises(InputError, match="not fitted; call fit before save"):
                save(model, path)

    @pytest.mark.parametrize(
        ("step", "reason"),
        [
            (Doubler(), r"Doubler"),
            (FunctionTransformer(lambda X: 2 * X), r"<lambda>"),
            (PCA(2, random_state=np.random.RandomState(0)), r"set random_state to an int"),
            (Pipeline([("pca", PCA(2))], memory="cache"), r"set memory=None"),
            (ColumnTransformer([("a", StandardScaler(), pd.Index([0]))]), r"columns as a list of names"),
            (LocalOutlierFactor(), r"LocalOutlierFactor"),
            (StandardScaler, r"StandardScaler"),
        ],
        ids=["own class", "lambda", "RandomState", "cache", "pandas index", "not on the list", "a class"],
    )
    def test_a_step_that_no_file_may_hold_is_named(self, step: Any, reason: str, path: Path) -> None:
        """What load would refuse, save refuses already, by the name of the step, and writes nothing."""
        model = Pipeline([("odd", step), *forging.scaled().steps])
        with pytest.raises(InputError, match=rf"step 'odd' .*{reason}"):
            save(model, path)
        assert not path.exists()

    def test_an_existing_file_is_kept_where_overwrite_is_false(self, path: Path) -> None:
        """The old file stays as it was."""
        path.write_bytes(b"old")
        with pytest.raises(InputError, match="exists already; pass overwrite=True"):
            save(forging.detector(), path, overwrite=False)
        assert path.read_bytes() == b"old"

    def test_a_write_that_fails_leaves_the_old_file_and_no_draft(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A full disk, or Ctrl-C at the worst moment, harms nothing."""

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        path.write_bytes(b"old")
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            save(forging.detector(), path)
        assert path.read_bytes() == b"old"
        assert os.listdir(path.parent) == [path.name]

    def test_a_link_is_followed_and_a_mode_is_kept(self, path: Path) -> None:
        """Writing through a symbolic link changes the file behind it, not who may read it."""
        path.write_bytes(b"old")
        path.chmod(0o600)
        link = path.with_name("latest.avae")
        link.symlink_to(path)
        save(forging.detector(), link)
        assert link.is_symlink()
        assert path.stat().st_mode & 0o777 == 0o600
        assert isinstance(load(path), TabularVAEDetector)

    def test_a_place_where_no_file_can_be_is_refused(self, path: Path) -> None:
        """A path must be that of a file in an existing folder."""
        with pytest.raises(InputError, match="not a regular file"):
            save(forging.detector(), path.parent)
        with pytest.raises(InputError, match="does not exist; create it first"):
            save(forging.detector(), path.parent / "nowhere" / "model.avae")


class TestNotAModelFile:
    def test_a_file_that_cannot_be_read_is_rejected(self, path: Path) -> None:
        """A missing file and a folder are refused as model files, not with a trace."""
        assert refusal(path) == "no such file"
        assert refusal(path.parent) == "is a directory; wanted the name of a model file"

    @pytest.mark.parametrize("protocol", range(2, 6))
    def test_a_pickle_renamed_is_refused_and_not_run(self, protocol: int, path: Path) -> None:
        """A pickle, joblib's too, is recognised and never opened as one."""
        marker = path.with_name("ran")
        joblib.dump(Touching(marker), path, protocol=protocol)
        assert "it looks like a pickle, which could run code" in refusal(path)
        assert not marker.exists()

    def test_other_files_are_refused(self, path: Path) -> None:
        """Nothing, text, a compressed pickle, a plain zip and a zip behind a pickle are no model files."""
        for content in (b"", b"a,b\n1,2\n", b"PK"):
            path.write_bytes(content)
            assert "not an anomaly-vae model file" in refusal(path)
        joblib.dump([1, 2], path, compress=3)
        assert "not an anomaly-vae model file" in refusal(path)
        forging.write(path, {"archive/data.pkl": b""})
        assert "'archive/data.pkl', which no model file has" in refusal(path)
        path.write_bytes(b"\x80\x04." + path.read_bytes())
        assert "it looks like a pickle" in refusal(path)

    def test_a_truncated_file_is_refused_wherever_it_was_cut(self, path: Path) -> None:
        """An incomplete download is recognised."""
        whole = forging.saved(forging.detector())
        for length in np.linspace(4, len(whole) - 1, 50).astype(int):
            path.write_bytes(whole[:length])
            assert "truncated or damaged" in refusal(path)
            assert refusal(path).endswith("; copy it again, or save the model again")


class TestRefusals:
    def test_an_error_is_one_printable_line_of_at_most_300_characters(self, path: Path) -> None:
        """Whatever text a file or its path puts into it."""
        forging.change_metadata(
            path, forging.scaled(), versions={"scikit-learn": "9.\n\x1b[31m" + "x" * 5000}
        )
        far = path.parent / ("d" * 200) / ("m" * 200 + ".avae")
        far.parent.mkdir()
        far.write_bytes(path.read_bytes())
        for place in (path, far):
            with pytest.raises(ModelFileError) as caught:
                load(place)
            message = str(caught.value)
            assert len(message) <= 300
            assert message.isprintable()


class TestReadMetadata:
    def test_it_says_what_the_file_holds(self, path: Path) -> None:
        """Format, time, versions and steps stand beside the detector's own summary."""
        save(forging.encoded(), path)
        metadata = read_metadata(path)
        last = forging.encoded().steps[-1][1]
        assert {name: metadata[name] for name in last.metadata()} == json.loads(json.dumps(last.metadata()))
        assert metadata["format"] == reading.FORMAT
        assert metadata["steps"] == [["columns", "ColumnTransformer"], ["detector", "TabularVAEDetector"]]
        assert metadata["versions"]["anomaly-vae"] == "0.1.0"
        assert metadata["created"].endswith("+00:00")

    def test_it_imports_no_library_and_reads_no_other_member(self, path: Path) -> None:
        """It serves where torch, scikit-learn and skops are not, and where the rest of a file is damaged."""
        forging.write(path, forging.members(forging.detector()) | {"schema.json": b"damaged"})
        heavy = ["numpy", "pandas", "skops", "sklearn", "torch"]
        code = (
            "import sys; from anomaly_vae import read_metadata;"
            f"assert read_metadata({str(path)!r})['kind'] == 'TabularVAEDetector';"
            f"assert not set({heavy}) & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_what_is_no_model_file_is_refused(self, path: Path) -> None:
        """The reasons are those of load."""
        with pytest.raises(ModelFileError, match="no such file"):
            read_metadata(path)
        joblib.dump([1], path)
        with pytest.raises(ModelFileError, match="it looks like a pickle"):
            read_metadata(path)
        forging.write(path, {"schema.json": b"{}"})
        with pytest.raises(ModelFileError, match=r"no metadata\.json"):
            read_metadata(path)


class TestDamagedState:
    def test_a_weight_that_is_not_a_number_is_refused(self, path: Path) -> None:
        """One NaN or infinity in any weight is enough."""
        for damage in (np.nan, np.inf):

            def change(weight: Any, damage: float = damage) -> Any:
                weight.flat[0] = damage
                return weight

            change_first_weight(path, change)
            assert "not finite" in refusal(path)

    def test_a_wrong_shape_is_refused(self, path: Path) -> None:
        """A weight that is cut, transposed or flattened does not fit the network."""
        for change in (lambda w: w[:-1], lambda w: w.T.copy(), lambda w: w.ravel()):
            change_first_weight(path, change)
            assert "shape" in refusal(path)

    def test_an_unknown_attribute_is_refused(self, path: Path) -> None:
        """The detector accepts only its own attributes, so a method cannot be replaced."""
        for name in ("odd_", "predict"):

            def change(root: Any, _: Any, name: str = name) -> None:
                forging.add(root, name, forging.value("ok"))

            forging.forge(path, forging.detector(), change)
            assert repr(name) in refusal(path)

    def test_a_missing_attribute_is_refused(self, path: Path) -> None:
        """A detector needs its offset and its network.

        Names of columns are optional, the first files had no tail, and earlier ones nothing to learn with.
        """
        optional = ("feature_names_in_", "tail_", "learning_")
        names = [name for name in forging.detector().__getstate__() if name not in optional]
        for name in names:

            def change(root: Any, _: Any, name: str = name) -> None:
                del root["content"]["content"][name]
                root["content"]["key_types"]["content"].pop()

            forging.forge(path, forging.detector(), change)
            refusal(path)

    def test_a_file_from_before_there_were_tails_is_loaded(self, path: Path) -> None:
        """What it gives as a false-alarm rate was guaranteed."""

        def change(root: Any, _: Any) -> None:
            del root["content"]["content"]["tail_"]
            root["content"]["key_types"]["content"].pop()

        model = copy.deepcopy(forging.detector()).set_threshold(false_alarm_rate=0.2)
        forging.forge(path, model, change)
        again = load(path)
        assert (again.false_alarm_rate_, again.tail_) == (0.2, "empirical")
        assert again.offset_ == model.offset_

    def test_a_model_that_does_not_end_in_a_detector_is_refused(self, path: Path) -> None:
        """A transformer, or a Pipeline of them, gives no scores."""
        forging.forge(path, forging.scaled(), lambda root, _: drop_last_step(root))
        assert "does not end in a detector" in refusal(path)


class Touching:
    """An object whose pickle runs code."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.touch, (self.marker,)


def change_first_weight(path: Path, change: Any) -> None:
    """Change the first float32 matrix of a file that has not a row per calibration row: a weight."""
    members, n_rows = forging.members(forging.detector()), len(forging.detector().calibration_scores_)
    for name in sorted(name for name in members if name.endswith(".npy")):
        array = np.load(io.BytesIO(members[name]))
        if array.dtype == np.float32 and array.ndim == 2 and array.shape[0] not in (array.shape[1], n_rows):
            forging.write(path, members | {name: forging.npy(change(array))})
            return
    raise LookupError("the file holds no weight")


def drop_last_step(root: Any) -> None:
    root["content"]["content"]["steps"]["content"].pop()
