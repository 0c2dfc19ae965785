"""From heat to colour."""

from __future__ import annotations

import matplotlib
import numpy as np

from anomaly_vae_pipelines.images.colours import inferno


def test_it_is_the_map_of_matplotlib():
    """To two parts in a hundred, everywhere."""
    shares = np.linspace(0.0, 1.0, 500)
    theirs = 255.0 * matplotlib.colormaps["inferno"](shares)[:, :3]
    assert abs(inferno(shares) - theirs).max() < 5.0


def test_it_only_gets_lighter():
    """So that grey prints, and eyes that see few colours, tell the order."""
    light = inferno(np.linspace(0.0, 1.0, 200)) @ [0.299, 0.587, 0.114]
    assert (np.diff(light) > 0).all()
