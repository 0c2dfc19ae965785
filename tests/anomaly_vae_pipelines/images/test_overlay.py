"""Pictures of heat over images."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest

from anomaly_vae_pipelines.images.overlay import BAR_WIDTH, MIN_SIDE, HeatScale, contour, inferno, overlay

SCALE = HeatScale(2.0)
GREY = np.full((32, 48), 100, dtype=np.uint8)


def picture(image, heat, scale=SCALE) -> np.ndarray:
    """The picture without its colour bar."""
    drawn = np.asarray(overlay(image, heat, scale)).astype(int)
    return drawn[:, : drawn.shape[1] - BAR_WIDTH]


def spot(heat: float) -> np.ndarray:
    field = np.zeros(GREY.shape)
    field[12:20, 16:32] = heat
    return field


@pytest.mark.parametrize(
    ("shape", "drawn"), [((32, 48), (256, 384)), ((20, 20), (260, 260)), ((300, 400), (300, 400))]
)
def test_small_images_are_enlarged_by_an_integer_factor(shape, drawn):
    """And the colour bar is next to them."""
    image = overlay(np.zeros(shape, dtype=np.uint8), np.zeros(shape), SCALE)
    assert (image.height, image.width - BAR_WIDTH) == drawn
    assert image.height >= MIN_SIDE


def test_what_is_cold_is_the_image_in_grey():
    """Of a colour image too."""
    colour = np.stack([GREY, GREY // 2, GREY // 3], axis=-1)
    for image in (GREY, colour, GREY.astype(np.float32), GREY / 255.0, GREY.astype(np.uint16) * 257):
        drawn = picture(image, spot(0.0))
        assert (drawn == drawn[..., :1]).all()


def test_a_line_goes_round_what_is_hotter_than_the_threshold_and_round_nothing_else():
    """The line is white on black, which no heat is."""
    assert not (picture(GREY, spot(1.99)) == 255).all(axis=2).any()
    drawn = picture(GREY, spot(3.0))
    line = (drawn == 255).all(axis=2)
    rows, columns = np.flatnonzero(line.any(axis=1)), np.flatnonzero(line.any(axis=0))
    assert abs(rows[0] - 12 * 8) <= 8
    assert abs(rows[-1] - 20 * 8) <= 8
    assert abs(columns[0] - 16 * 8) <= 8
    assert abs(columns[-1] - 32 * 8) <= 8
    assert not line[14 * 8 : 18 * 8, 18 * 8 : 30 * 8].any()


def test_the_line_is_outside_of_what_is_hot():
    """One pixel of light and one of dark."""
    hot = np.zeros((9, 9), dtype=bool)
    hot[4, 4] = True
    dark, light = contour(hot)
    assert (int(light.sum()), int(dark.sum())) == (4, 8)
    assert not (hot & (dark | light)).any()


def test_the_same_heat_has_the_same_colour_in_every_picture():
    """However hot the rest of an image is."""
    alone, beside = spot(3.0), spot(3.0)
    beside[0:4, 0:4] = 100.0
    middle = np.s_[15 * 8, 24 * 8]
    assert (picture(GREY, alone)[middle] == picture(GREY, beside)[middle]).all()
    assert abs(picture(GREY, alone)[middle] - 0.85 * inferno(np.array(3.0 / SCALE.top))).max() < 40


def test_the_scale_is_that_of_the_model():
    """Its top is a multiple of the threshold, and what is beyond has the colour of the top."""
    assert (SCALE.top, HeatScale(-1.0).top) == (4.0, 1.0)
    assert SCALE.shares(np.array([-1.0, 2.0, 99.0])).tolist() == [0.0, 0.5, 1.0]
    bars = [np.asarray(overlay(GREY, spot(heat), SCALE))[:, -BAR_WIDTH:] for heat in (0.0, 50.0)]
    assert (bars[0] == bars[1]).all()


def test_hotter_hides_more():
    """Nothing where it is cold; never all of the image."""
    cover = SCALE.cover(np.linspace(0.0, 5.0, 50))
    assert (np.diff(cover) >= 0).all()
    assert cover[0] == 0.0
    assert cover[-1] < 1.0


@pytest.mark.parametrize("value", [0, 255])
def test_a_uniform_image_can_be_drawn(value):
    """With no contrast to raise."""
    assert picture(np.full((8, 8), value, dtype=np.uint8), np.zeros((8, 8))).std() == 0.0


def test_it_is_the_map_of_matplotlib():
    """To two parts in a hundred, everywhere."""
    shares = np.linspace(0.0, 1.0, 500)
    theirs = 255.0 * matplotlib.colormaps["inferno"](shares)[:, :3]
    assert abs(inferno(shares) - theirs).max() < 5.0


def test_it_only_gets_lighter():
    """So that grey prints, and eyes that see few colours, tell the order."""
    light = inferno(np.linspace(0.0, 1.0, 200)) @ [0.299, 0.587, 0.114]
    assert (np.diff(light) > 0).all()
