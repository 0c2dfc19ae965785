"""The constants of statistics of images, and the sizes that follow from them."""

from __future__ import annotations

import pytest

from anomaly_vae.states.pixels import blur_radius, n_cells, n_gradients


@pytest.mark.parametrize(("size", "cells"), [((1, 1), (1, 1)), ((4, 5), (1, 2)), ((28, 32), (7, 8))])
def test_cells_cover_the_image(size: tuple[int, int], cells: tuple[int, int]) -> None:
    """The last one may be smaller, and each has all directions."""
    assert n_cells(*size) == cells
    assert n_gradients(*size) == 12 * cells[0] * cells[1]


def test_a_blur_can_be_reflected_at_the_border() -> None:
    """Its radius is less than the axis, and at least a pixel where there are two."""
    assert [blur_radius(0.1, n) for n in (1, 2, 9)] == [0, 1, 1]
    assert [blur_radius(1.5, n) for n in (3, 6, 90)] == [2, 5, 5]
