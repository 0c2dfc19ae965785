"""nearest_normal: every answer is normal, few columns change, and they stay within what training saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import ImageVAEDetector, InputError, TabularVAEDetector, load_scorer, save


def _changed(before: Any, after: Any) -> np.ndarray:
    """Which cells differ, shape (n_rows, n_columns); missing cells are the same."""
    old, new = (pd.DataFrame(rows).reset_index(drop=True) for rows in (before, after))
    different = (old.astype(object) != new.astype(object)) & ~(old.isna() & new.isna())
    return different.to_numpy()


@pytest.fixture(scope="module")
def answers(fitted: TabularVAEDetector, damaged: pd.DataFrame) -> pd.DataFrame:
    """The nearest normal rows."""
    answers: pd.DataFrame = fitted.nearest_normal(damaged)
    return answers


@pytest.fixture(scope="module")
def numbers() -> tuple[TabularVAEDetector, np.ndarray]:
    """A detector of three numbers that depend on each other, and rows with one or two wrong ones."""
    random = np.random.default_rng(0)
    X = random.normal(size=(400, 1)) * [1.0, 2.0, -1.0] + 0.1 * random.normal(size=(400, 3))
    wrong = X[:60].copy()
    wrong[:30, 1] += 6.0
    wrong[30:, [0, 2]] += 5.0
    return TabularVAEDetector(novelty=True, max_steps=200, random_state=0).fit(X), wrong


def test_every_answer_scores_at_least_the_threshold(
    fitted: TabularVAEDetector, damaged: pd.DataFrame, answers: pd.DataFrame
) -> None:
    """And normal rows stay as they are, with columns, index and types."""
    is_low = fitted.score_samples(damaged) < fitted.offset_
    assert is_low.sum() >= 16
    assert (fitted.score_samples(answers) >= fitted.offset_).all()
    changed = _changed(damaged, answers)
    assert (changed.any(axis=1) == is_low).all()
    assert answers.index.equals(damaged.index)
    assert answers.columns.equals(damaged.columns)
    assert answers.dtypes.equals(damaged.dtypes)


def test_no_change_can_be_left_out(
    fitted: TabularVAEDetector, damaged: pd.DataFrame, answers: pd.DataFrame
) -> None:
    """Undoing any single one brings the row back below the threshold."""
    for row, column in zip(*np.nonzero(_changed(damaged, answers)), strict=True):
        undone = answers.iloc[[row]].copy()
        undone.isetitem(column, damaged.iloc[[row], column])
        assert fitted.score_samples(undone)[0] < fitted.offset_


def test_mostly_the_damaged_cell_changes(damaged: pd.DataFrame, answers: pd.DataFrame) -> None:
    """One cell of one row was damaged."""
    changed = _changed(damaged, answers)[::2]
    names = [*(["length", "weight", "colour", "unit", "length"] * 4)]
    columns = list(damaged.columns)
    hit = [changed[k, columns.index(name)] and changed[k].sum() == 1 for k, name in enumerate(names)]
    assert np.mean([is_hit for is_hit, row in zip(hit, changed, strict=True) if row.any()]) > 0.7


def test_answers_are_what_training_saw(
    table: pd.DataFrame, damaged: pd.DataFrame, answers: pd.DataFrame
) -> None:
    """Numbers in their range, whole where they were, known categories, the one value of a constant."""
    changed = pd.DataFrame(_changed(damaged, answers), answers.index, answers.columns)
    for name in ("length", "weight", "count", "note"):
        new = answers.loc[changed[name], name]
        assert new.between(table[name].min(), table[name].max()).all()
    count = answers.loc[changed["count"], "count"]
    assert (count == count.round()).all()
    assert set(answers.loc[changed["colour"], "colour"]) <= {"red", "green", "blue"}
    assert (answers["unit"] == 7).all()


def test_answers_of_arrays_are_normal_too(numbers: tuple[TabularVAEDetector, np.ndarray]) -> None:
    """The scores as they are written, also with 32 bits; a shift of one number is undone by changing one."""
    detector, wrong = numbers
    for X in (wrong, wrong.astype(np.float32)):
        answers = detector.nearest_normal(X)
        assert answers.dtype == X.dtype
        assert (detector.score_samples(answers) >= detector.offset_).all()
        assert (_changed(X, answers)[:30].sum(axis=1) == 1).all()


def test_a_change_is_no_larger_than_needed(numbers: tuple[TabularVAEDetector, np.ndarray]) -> None:
    """A hundredth of the way back, the row is below the threshold again."""
    detector, wrong = numbers
    answers = detector.nearest_normal(wrong[:30])
    assert (detector.score_samples(answers + 0.01 * (wrong[:30] - answers)) < detector.offset_).all()


def test_a_row_without_an_answer_is_missing(numbers: tuple[TabularVAEDetector, np.ndarray]) -> None:
    """As with too few columns; integers become floats."""
    detector, wrong = numbers
    frame = wrong.copy()
    frame[:, [0, 2]] = 40.0
    answers = detector.nearest_normal(frame, n_columns=1)
    assert np.isnan(answers).all()
    counts = pd.DataFrame({"a": np.arange(50) % 7, "b": np.arange(50) % 7, "c": np.arange(50) % 7})
    whole = TabularVAEDetector(novelty=True, max_steps=100, validation_fraction=0.25, random_state=0).fit(
        counts
    )
    far = pd.DataFrame({"a": [900, 3], "b": [-900, 3], "c": [3, 3]}, index=["x", "y"])
    assert whole.nearest_normal(far, n_columns=1).loc["x"].isna().all()
    assert whole.nearest_normal(far, n_columns=1).loc["y"].tolist() == [3, 3, 3]
    answered = whole.nearest_normal(far)
    assert (answered.dtypes == np.int64).all()
    assert (whole.predict(answered) == 1).all()


def test_a_scorer_gives_the_same_answers(
    fitted: TabularVAEDetector, damaged: pd.DataFrame, answers: pd.DataFrame, tmp_path: Path
) -> None:
    """From the model file."""
    save(fitted, tmp_path / "model.avae")
    pd.testing.assert_frame_equal(load_scorer(tmp_path / "model.avae").nearest_normal(damaged), answers)


def test_one_row_gets_the_answer_that_it_gets_among_others(
    fitted: TabularVAEDetector, damaged: pd.DataFrame, answers: pd.DataFrame
) -> None:
    """Rows do not depend on each other."""
    for k in (0, 4):
        one = fitted.nearest_normal(damaged.iloc[[k]])
        pd.testing.assert_frame_equal(one, answers.iloc[[k]], check_exact=True)


@pytest.mark.parametrize("n_columns", [0, True, 1.5])
def test_the_number_of_columns_is_checked(
    fitted: TabularVAEDetector, damaged: pd.DataFrame, n_columns: Any
) -> None:
    """A whole number of at least 1."""
    with pytest.raises(InputError, match="n_columns must be a whole number of at least 1"):
        fitted.nearest_normal(damaged, n_columns)


def test_models_of_images_have_no_such_method() -> None:
    """A pixel is not a column."""
    assert not hasattr(ImageVAEDetector(), "nearest_normal")
