"""Heat against masks: areas under curves, counted in bins."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from anomaly_vae_pipelines.images.localisation import Localisation, bins_of


def located(*images) -> Localisation:
    found = Localisation()
    for heat, mask in images:
        found.add(np.asarray(heat, dtype=np.float64), np.asarray(mask, dtype=bool))
    return found


def squares(random, n_images=6):
    """Masks with two regions each."""
    masks = np.zeros((n_images, 20, 24), dtype=bool)
    masks[:, 3:7, 4:9] = masks[:, 12:14, 15:22] = True
    return masks, random.normal(size=masks.shape) + masks


@pytest.mark.parametrize("shift", [0.0, -5.0, 1e6])
def test_pixel_auroc_is_that_of_scikit_learn(shift):
    """Whatever the sign and the size of the heat."""
    masks, heat = squares(np.random.default_rng(0))
    heat = heat * max(1.0, abs(shift)) + shift
    found = located(*zip(heat, masks, strict=True)).pixel_auroc()
    assert found == pytest.approx(roc_auc_score(masks.ravel(), heat.ravel()), abs=2e-4)


def test_ties_count_half():
    """Heat that is the same everywhere tells nothing."""
    mask = [[True, True, False], [False, False, False]]
    found = located((np.full((2, 3), 7.0), mask))
    assert found.pixel_auroc() == 0.5
    assert found.pro() == pytest.approx(0.15)


def test_a_perfect_map_gives_one_and_a_reversed_one_nothing():
    """For both measures."""
    masks, _ = squares(np.random.default_rng(0))
    perfect = located(*((mask * 2.0 - 1.0, mask) for mask in masks))
    reversed_ = located(*((1.0 - mask * 2.0, mask) for mask in masks))
    assert (perfect.pixel_auroc(), perfect.pro()) == (1.0, 1.0)
    assert (reversed_.pixel_auroc(), reversed_.pro()) == (0.0, 0.0)


def test_pro_of_a_case_that_can_be_done_by_hand():
    """Two regions, of one pixel and of three, and ten normal pixels.

    From the hottest: the single pixel (overlap 1/2), two normal (rate .2), two of three (1/2 + 1/3), and
    then all others. Up to rate .2 the overlap is 1/2, from there 5/6 rising to 1 at rate 1 with the last.
    """
    heat = np.zeros((2, 7))
    mask = np.zeros((2, 7), dtype=bool)
    mask[0, 0], heat[0, 0] = True, 9.0
    heat[0, 2], heat[0, 3] = 8.0, 8.0
    mask[1, 4:7], heat[1, 4:6] = True, 7.0
    found = located((heat, mask))
    assert found.n_regions == 2
    rising = 5 / 6 + (1 - 5 / 6) * 0.1 / 0.8 / 2
    assert found.pro() == pytest.approx((0.2 * 0.5 + 0.1 * rising) / 0.3)


@pytest.mark.parametrize("seed", range(5))
def test_both_measures_stay_within_nought_and_one(seed):
    """And get better with better heat."""
    masks, heat = squares(np.random.default_rng(seed))
    worse = located(*zip(heat, masks, strict=True))
    better = located(*zip(heat + masks, masks, strict=True))
    for measure in ("pixel_auroc", "pro"):
        assert 0.0 <= getattr(worse, measure)() < getattr(better, measure)() <= 1.0


def test_regions_weigh_the_same_however_small():
    """Missing one of two regions halves PRO, and hardly moves the AUROC of pixels."""
    mask = np.zeros((30, 30), dtype=bool)
    mask[2:20, 2:20] = mask[25, 25] = True
    heat = mask * 1.0
    heat[25, 25] = -1.0
    found = located((heat, mask))
    assert found.pro() == pytest.approx(0.5, abs=0.01)
    assert found.pixel_auroc() > 0.99


def test_parts_can_be_counted_apart_and_put_together():
    """In whatever order."""
    masks, heat = squares(np.random.default_rng(1))
    pairs = list(zip(heat, masks, strict=True))
    whole, part = located(*pairs), located(*pairs[:2])
    part += located(*pairs[2:])
    assert (part.pixel_auroc(), part.pro(), part.n_images) == (whole.pixel_auroc(), whole.pro(), 6)


def test_without_anomalous_pixels_there_is_nothing_to_say():
    """Nor without normal ones."""
    assert located((np.zeros((3, 3)), np.zeros((3, 3)))).pixel_auroc() is None
    assert located((np.zeros((3, 3)), np.zeros((3, 3)))).pro() is None
    assert located((np.zeros((3, 3)), np.ones((3, 3)))).pro() is None


def test_bins_keep_the_order_of_heat():
    """From minus infinity to infinity, and nought is one number."""
    heat = np.array([-np.inf, -3e38, -1.0, -1e-30, -0.0, 0.0, 1e-30, 1.0, 1.001, 3e38, np.inf])
    bins = bins_of(heat).astype(np.int64)
    assert (np.diff(bins) >= 0).all()
    assert bins[4] == bins[5]
    assert bins[7] < bins[8]
