"""Splits of rows and images for training, early stopping and calibration."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae import ImageVAEDetector
from anomaly_vae.detectors._splits import (
    LEAST_ROWS,
    MOST_ROWS,
    N_FOLDS,
    n_calibration_images,
    n_calibration_rows,
    split_images,
    split_rows,
)
from anomaly_vae.sampling.sizes import MAX_CALIBRATION_ROWS
from tests.anomaly_vae.detectors.test_members import LAW


def test_the_calibration_rows_are_known_before_a_fit() -> None:
    """Their number is that of the split."""
    for n_rows, fraction, early in (
        (2, "auto", False),
        (99, "auto", False),
        (90, "auto", True),
        (601, 0.3, True),
        (2_000, 0.99, False),
    ):
        splits = split_rows(n_rows, fraction, early, np.random.RandomState(0))
        n_calibration = sum(len(split.calibration) for split in splits)
        assert n_calibration_rows(n_rows, fraction, early) == n_calibration
    assert n_calibration_rows(10_000_000, "auto", False) == MAX_CALIBRATION_ROWS


def test_the_number_of_calibration_images_is_known_before_a_fit(detector: ImageVAEDetector) -> None:
    """A false-alarm rate that cannot be guaranteed can therefore be rejected before the fit."""
    assert n_calibration_images(120, "auto") == len(detector.calibration_scores_)


@LAW
@given(
    n_rows=st.integers(2, 3_000), fraction=st.sampled_from(["auto", 0.001, 0.3, 0.999]), early=st.booleans()
)
def test_no_row_is_both_trained_on_and_held_out(n_rows: int, fraction: float | str, early: bool) -> None:
    """Every row has a use, and there is at least one row to train on and one to calibrate with."""
    for split in split_rows(n_rows, fraction, early, np.random.RandomState(0)):
        held_out = np.union1d(split.watch, split.calibration)
        assert sorted([*split.train, *held_out]) == list(range(n_rows))
        assert min(len(split.train), len(split.calibration)) >= 1


@LAW
@given(n_rows=st.integers(LEAST_ROWS, MOST_ROWS))
def test_each_row_of_a_small_table_is_held_out_once(n_rows: int) -> None:
    """Folds have equal sizes; the fewer than five rows that remain are trained on in every split."""
    splits = split_rows(n_rows, "auto", False, np.random.RandomState(0))
    held_out = np.concatenate([split.calibration for split in splits])
    assert len(np.unique(held_out)) == len(held_out) == n_rows - n_rows % N_FOLDS
    assert len({len(split.calibration) for split in splits}) == 1


@LAW
@given(n_rows=st.integers(2, 3_000), fraction=st.sampled_from(["auto", 0.1]), early=st.booleans())
def test_only_small_tables_without_other_wishes_are_cross_fitted(
    n_rows: int, fraction: float | str, early: bool
) -> None:
    """Otherwise there is one split, whose watched rows do not calibrate."""
    splits = split_rows(n_rows, fraction, early, np.random.RandomState(0))
    is_small = LEAST_ROWS <= n_rows <= MOST_ROWS and fraction == "auto" and not early
    assert (len(splits) == N_FOLDS) == is_small
    if not is_small:
        assert not np.intersect1d(splits[0].watch, splits[0].calibration).size


@LAW
@given(n_images=st.integers(2, 3_000), fraction=st.sampled_from(["auto", 0.001, 0.3, 0.999]))
def test_no_image_is_both_trained_on_and_held_out(n_images: int, fraction: float | str) -> None:
    """A single held-out image calibrates both the statistics and the score; several do one of these each."""
    split = split_images(n_images, fraction, np.random.RandomState(0))
    held_out = np.union1d(split.watch, split.calibration)
    assert sorted([*split.train, *held_out]) == list(range(n_images))
    assert len(split.calibration) == n_calibration_images(n_images, fraction)
    assert min(len(split.train), len(split.watch), len(split.calibration)) >= 1
    assert len(np.intersect1d(split.watch, split.calibration)) == (len(held_out) == 1)
