"""The self-test of a model file: what it stores, what it detects, and what a forged one cannot do."""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from anomaly_vae import (
    IdentifierColumnWarning,
    ImageVAEDetector,
    ModelFileError,
    NonFiniteScoreError,
    TabularVAEDetector,
    load,
    read_metadata,
    save,
)
from anomaly_vae.model_file import self_test
from anomaly_vae.model_file.self_test import check_self_test, make_self_test
from tests.anomaly_vae import forging

N_ROWS = 60
RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.normal(size=(N_ROWS, 3))
TEXTS = RANDOM.choice(["red", "green", "<other>"], N_ROWS)
DATES = pd.date_range("2026-01-01", periods=N_ROWS, freq="7h")
HOLES = RANDOM.random((N_ROWS, 3)) < 0.3

TABLES: dict[str, Any] = {
    "named numbers": pd.DataFrame(NUMBERS, columns=["a", "b", "c"]),
    "numbers": NUMBERS,
    "single precision": NUMBERS.astype(np.float32),
    "missing numbers": np.where(HOLES, np.nan, NUMBERS),
    "infinities": np.where(HOLES, np.inf, NUMBERS),
    "huge numbers": NUMBERS * 1e200,
    "names that are numbers": pd.DataFrame(NUMBERS),
    "every kind": pd.DataFrame(
        {"n": NUMBERS[:, 0], "t": TEXTS, "b": NUMBERS[:, 1] > 0, "d": DATES, "k": 3, "u": "x", "e": np.nan}
    ),
    "every kind, missing": pd.DataFrame(
        {"n": NUMBERS[:, 0], "t": TEXTS, "b": NUMBERS[:, 1] > 0, "d": DATES}, dtype=object
    ).mask(np.c_[HOLES, HOLES[:, 0]]),
    "nullable": pd.DataFrame(
        {
            "i": pd.array([1, None, 3] * 20, dtype="Int64"),
            "s": pd.array(["a", None, "b"] * 20, dtype="string"),
            "b": pd.array([True, None, False] * 20, dtype="boolean"),
        }
    ),
    "objects": np.array(
        [[n, t, b] for n, t, b in zip(NUMBERS[:, 0], TEXTS, HOLES[:, 0], strict=True)], object
    ),
    "texts": np.c_[TEXTS, np.roll(TEXTS, 1)],
    "dates": DATES.to_numpy()[:, None],
    "dates among objects": np.array([[str(d.date()), 1.5 * d.day] for d in DATES], object),
    "nothing": np.full((N_ROWS, 2), np.nan),
}


def fitted(X: Any) -> TabularVAEDetector:
    return TabularVAEDetector(max_steps=5, validation_fraction=0.25, random_state=0).fit(X)


def through_json(test: Any) -> Any:
    return json.loads(json.dumps(test, allow_nan=False))


def shades(channels: int = 1, n_images: int = 30) -> NDArray[np.float64]:
    return np.random.default_rng(0).random((n_images, 9, 12, channels))


@cache
def trained(**parameters: Any) -> TabularVAEDetector:
    return TabularVAEDetector(novelty=True, max_steps=50, random_state=0, **parameters).fit(
        forging.table(400)
    )


def array(data: bytes) -> NDArray[Any]:
    return np.load(io.BytesIO(data))


def matrices(members: dict[str, bytes]) -> list[str]:
    """Members that are weights of a network; the features of calibration rows are not."""
    n_rows = len(trained().calibration_scores_)
    arrays = {name: array(data) for name, data in members.items() if name.endswith(".npy")}
    return [
        name
        for name, held in arrays.items()
        if held.dtype == np.float32 and held.ndim == 2 and held.any() and len(held) != n_rows
    ]


def refusal(detector: Any, test: Any) -> str:
    with pytest.raises(ModelFileError) as caught:
        check_self_test(detector, test)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestTables:
    @pytest.mark.parametrize("X", TABLES.values(), ids=TABLES)
    def test_generated_rows_are_bit_identical_after_json(self, X: Any) -> None:
        """Read back from valid JSON they score as the rows that were drawn."""
        detector = fitted(X)
        test = through_json(make_self_test(detector))
        drawn = detector.score_samples(detector.sample(4, random_state=0))
        np.testing.assert_array_equal(test["scores"], drawn)
        np.testing.assert_array_equal(self_test._scores(detector, test["columns"], 4), drawn)
        check_self_test(detector, test)

    @pytest.mark.parametrize("X", TABLES.values(), ids=TABLES)
    def test_a_loaded_detector_makes_the_self_test_that_it_came_with(self, X: Any, path: Path) -> None:
        """Rows and scores, to the last bit."""
        save(fitted(X), path)
        assert through_json(make_self_test(load(path))) == read_metadata(path)["self_test"]

    def test_rows_are_generated(self) -> None:
        """None of them is a training row, though a number may be the least or the largest of its column."""
        rows = np.array(make_self_test(fitted(NUMBERS))["columns"]).T
        assert rows.shape == (4, 3)
        assert not (rows[:, None] == NUMBERS).all(axis=2).any()
        seen = np.isin(rows, NUMBERS)
        assert np.isin(rows[seen], [NUMBERS.min(axis=0), NUMBERS.max(axis=0)]).all()

    @pytest.mark.parametrize(("n_columns", "n_rows"), [(3, 4), (1024, 4), (1400, 2), (5000, 1)])
    @pytest.mark.slow
    def test_more_columns_have_fewer_rows(self, n_columns: int, n_rows: int) -> None:
        """What every load reads and scores stays small."""
        test = make_self_test(fitted(RANDOM.normal(size=(10, n_columns))))
        assert np.shape(test["columns"]) == (n_columns, n_rows)
        assert len(json.dumps(test)) < 200_000

    def test_a_row_that_is_too_large_is_not_kept(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The file then has no self-test, and one that was forged into it is refused."""
        detector = fitted(NUMBERS)
        test = make_self_test(detector)
        monkeypatch.setattr(self_test, "_TABLE_CELLS", (1, 2))
        save(detector, path)
        assert read_metadata(path)["self_test"] is None
        assert isinstance(load(path), TabularVAEDetector)
        assert "malformed" in refusal(detector, test)

    def test_what_json_or_a_bound_cannot_hold_is_left_out(self, path: Path) -> None:
        """A date after the year 9999 is missing, a long text is cut; they are scored as they are kept."""
        december = pd.Series([f"9999-12-{25 + k % 7}T01:02:03" for k in range(N_ROWS)]).astype(
            "datetime64[s]"
        )
        save(fitted(pd.DataFrame({"d": december, "t": np.where(HOLES[:, 0], "a" * 5000, "b" * 5000)})), path)
        dates, texts = read_metadata(path)["self_test"]["columns"]
        assert None in dates
        assert {len(text) for text in texts} == {64}
        load(path)

    def test_of_an_identifier_nothing_is_kept(self) -> None:
        """It names training rows."""
        with pytest.warns(IdentifierColumnWarning):
            detector = fitted(pd.DataFrame({"id": [f"name {k}" for k in range(N_ROWS)], "n": NUMBERS[:, 0]}))
        assert make_self_test(detector)["columns"][0] == [None] * 4

    def test_a_pipeline_has_rows_of_its_own_beside_those_of_its_detector(self, path: Path) -> None:
        """They hold the categories that its steps know, and score as the Pipeline scores them."""
        save(forging.encoded(), path)
        test = read_metadata(path)["self_test"]
        own = test.pop("pipeline")
        assert test == through_json(make_self_test(forging.encoded().steps[-1][1]))
        rows = pd.DataFrame(dict(zip(["length", "colour", "count"], own["columns"], strict=True)))
        assert set(rows["colour"]) == {"blue", "green", "red"}
        np.testing.assert_array_equal(own["scores"], forging.encoded().score_samples(rows))

    def test_a_detector_without_finite_scores_cannot_be_saved(self) -> None:
        """A file would be refused by everyone who loads it."""

        class Broken:
            n_features_in_ = 2

            def sample(self, n_rows: int, random_state: int) -> Any:
                return np.zeros((n_rows, 2))

            def score_samples(self, X: Any) -> Any:
                return np.array([0.0, np.inf, 0.0, 0.0])

        with pytest.raises(NonFiniteScoreError):
            make_self_test(Broken())


class TestImages:
    @pytest.mark.parametrize(
        ("X", "parameters"),
        [
            (shades(), {}),
            (shades(3), {}),
            ((255 * shades()[..., 0]).astype(np.uint8), {"score_type": "elbo", "complexity": True}),
            (shades().reshape(30, -1), {"image_size": (9, 12)}),
            (pd.DataFrame(shades().reshape(30, -1)).add_prefix("p"), {"image_size": (9, 12)}),
            (np.zeros((30, 5, 1)), {}),
        ],
        ids=["grey", "colour", "bytes", "flat", "named", "black"],
    )
    def test_a_loaded_detector_scores_them_the_same(self, X: Any, parameters: Any, path: Path) -> None:
        """To the last bit; of images the scores alone are kept."""
        save(ImageVAEDetector(max_steps=3, random_state=0, **parameters).fit(X), path)
        test = read_metadata(path)["self_test"]
        assert list(test) == ["scores"]
        assert len(set(test["scores"])) == 4
        assert through_json(make_self_test(load(path))) == test

    def test_they_are_the_same_on_every_machine(self) -> None:
        """From black to white, some smooth and some noisy, made of frozen random numbers."""

        class Black:
            image_size_, channels_, pixel_range_ = (2, 2), 1, (0.0, 8.0)

        images = self_test._images(Black(), 4)
        noise = [0.5488135039273248, 0.7151893663724195, 0.6027633760716439, 0.5448831829968969]
        assert images[0].tolist() == [7 * light + u for light, u in zip((0, 0.5, 0.5, 1), noise, strict=True)]
        assert images.shape == (4, 4)

    def test_large_images_are_fewer_or_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A load is to cost what a few scores cost."""
        detector = ImageVAEDetector(max_steps=3, random_state=0).fit(shades())
        for bounds, n_images in (((2 * 108, 108), 2), ((1, 108), 1)):
            monkeypatch.setattr(self_test, "_IMAGE_CELLS", bounds)
            assert len(make_self_test(detector)["scores"]) == n_images
        monkeypatch.setattr(self_test, "_IMAGE_CELLS", (1, 107))
        assert make_self_test(detector) is None


class TestLoad:
    def test_weights_that_were_tampered_with_are_noticed(self, path: Path) -> None:
        """A matrix of the networks of any fold, its signs turned under a good checksum, is refused.

        Five folds have twelve matrices each: every fifth matrix is each of the twelve once, in all folds.
        """
        members = forging.members(trained())
        names = matrices(members)
        assert len(names) == 5 * 12
        for name in names[::5]:
            forging.write(path, members | {name: forging.npy(-array(members[name]))})
            with pytest.raises(
                ModelFileError,
                match=rf"^{path}: (its self-test fails: |'breaks' should be ascending).*save the model again",
            ):
                load(path)

    def test_one_flipped_bit_of_a_weight_is_noticed(self, path: Path) -> None:
        """The highest of the exponent, in the middle of a network: the weight is finite still, but huge."""
        members = forging.members(trained(validation_fraction=0.25))
        names = [name for name in matrices(members) if array(members[name]).shape == (96, 96)]
        assert names
        for name in names:
            weights = array(members[name])
            weights.view(np.uint32).flat[np.abs(weights).argmax()] ^= 1 << 30
            assert np.isfinite(weights).all()
            forging.write(path, members | {name: forging.npy(weights)})
            rejected = rf"^{path}: (its self-test |.* holds values beyond 1e\+12;)"
            with pytest.raises(ModelFileError, match=rejected):
                load(path)

    @pytest.mark.parametrize("change", [{"self_test": None}, {}])
    def test_a_file_without_a_self_test_is_refused(self, change: dict[str, Any], path: Path) -> None:
        """Files of this format have one."""
        members = forging.members(forging.detector())
        metadata = json.loads(members["metadata.json"])
        del metadata["self_test"]
        forging.write(path, members | {"metadata.json": json.dumps(metadata | change).encode()})
        with pytest.raises(ModelFileError, match="its self-test is missing"):
            load(path)

    def test_a_file_from_before_there_were_self_tests_is_loaded(self, path: Path) -> None:
        """It scores as it did."""
        members = forging.members(forging.detector())
        metadata = json.loads(members["metadata.json"])
        del metadata["self_test"]
        forging.write(path, members | {"metadata.json": json.dumps(metadata | {"format": 1}).encode()})
        X = forging.table()
        np.testing.assert_array_equal(load(path).score_samples(X), forging.detector().score_samples(X))

    @pytest.mark.parametrize("where", ["detector", "pipeline"])
    def test_a_pipeline_is_tested_too(self, where: str, path: Path) -> None:
        """By its last step, and from its first."""
        members = forging.members(forging.scaled())
        metadata = json.loads(members["metadata.json"])
        test = metadata["self_test"]
        (test if where == "detector" else test["pipeline"])["scores"][2] += 1.0
        forging.write(path, members | {"metadata.json": json.dumps(metadata).encode()})
        with pytest.raises(ModelFileError, match="generated row 2 scored"):
            load(path)


class TestTolerance:
    def test_the_rounding_of_other_hardware_passes_and_more_does_not(self) -> None:
        """A thousandth of the score, or of a nat where that is more."""
        detector = forging.detector()
        for row, score in enumerate(make_self_test(detector)["scores"]):
            thousandth = 1e-3 * max(1.0, abs(score))
            for share in (0.9, -0.9):
                test = make_self_test(detector)
                test["scores"][row] += share * thousandth
                check_self_test(detector, test)
            for share in (1.1, -1.1):
                test["scores"][row] = saved = score + share * thousandth
                why = f"generated row {row} scored {saved:.6g} nats when it was saved, but {score:.6g} here"
                assert why in refusal(detector, test)

    def test_a_score_that_is_not_a_number_is_rejected(self) -> None:
        """NaN differs from everything."""

        class Broken:
            n_features_in_ = 1

            def score_samples(self, X: Any) -> Any:
                return np.array([np.nan])

        assert "self-test fails" in refusal(Broken(), {"columns": [[0.5]], "scores": [0.0]})


class TestForged:
    @pytest.mark.parametrize(
        "change",
        [
            {"scores": []},
            {"scores": [-1.0] * 5},
            {"scores": "-1.0"},
            {"scores": [-1.0, True, -1.0, -1.0]},
            {"scores": [-1.0, None, -1.0, -1.0]},
            {"scores": [-1.0, float("nan"), -1.0, -1.0]},
            {"scores": [-1.0, float("-inf"), -1.0, -1.0]},
            {"scores": [-1.0, 10**400, -1.0, -1.0]},
            {"columns": None},
            {"columns": {}},
            {"columns": [[1.0] * 4] * 2},
            {"columns": [[1.0] * 4] * 4},
            {"columns": [[1.0] * 3] * 3},
            {"columns": [[1.0] * 10_000] * 3},
            {"columns": [[1.0] * 4, "abcd", [1.0] * 4]},
            {"columns": [[1.0] * 4, [[]] * 4, [1.0] * 4]},
            {"columns": [[1.0] * 4, [{}] * 4, [1.0] * 4]},
            {"columns": [[1.0] * 4, ["a" * 65] * 4, [1.0] * 4]},
            {"columns": [[1.0] * 4, ["a"] * 4, [float("inf")] * 4]},
            {"columns": [[1.0] * 4, ["a"] * 4, [10**400] * 4]},
        ],
        ids=lambda change: repr(change)[:60],
    )
    def test_what_no_detector_makes_is_refused_before_it_is_scored(self, change: Any) -> None:
        """Every size and type is looked at."""
        detector = forging.detector()
        assert "self-test is malformed" in refusal(detector, make_self_test(detector) | change)

    @pytest.mark.parametrize("test", [None, 3, "test", [], {}, {"scores": [-1.0]}], ids=repr)
    def test_a_malformed_self_test_is_rejected(self, test: Any) -> None:
        """Null too: a file either has one, or lacks the key."""
        assert "self-test is malformed" in refusal(forging.detector(), test)

    def test_a_cell_that_its_column_cannot_hold_is_refused(self) -> None:
        """The error of the scoring is in the message, in one line."""
        detector = forging.detector()
        test = make_self_test(detector)
        test["columns"][0][1] = "long\nand wide"
        assert "self-test cannot be run (CellError: column 'length', row 1" in refusal(detector, test)
