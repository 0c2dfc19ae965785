"""Comparison of a drawn figure with a picture in ``baselines``.

After a wanted change: ``UPDATE_BASELINES=1 python -m pytest tests/anomaly_vae/displays``, and look at them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot
from matplotlib.testing.compare import compare_images
from PIL import Image

BASELINES = Path(__file__).with_name("baselines")
TOLERANCE = 12.0
"""Root mean square difference of pixels, from 0 to 255: fonts are drawn differently by each version."""

MOST_BYTES = 20_000


@contextmanager
def fixed_style() -> Iterator[None]:
    """The default style without a window, and no figure left open."""
    mpl.use("Agg")
    with mpl.rc_context(), pyplot.style.context("default"):
        yield
    pyplot.close("all")


def difference(figure: Any, name: str, folder: Path) -> str | None:
    """What differs from the baseline of this name; None if it looks the same."""
    drawn, baseline = folder / f"{name}.png", BASELINES / f"{name}.png"
    figure.savefig(drawn, dpi=60, metadata={"Software": None})
    if os.environ.get("UPDATE_BASELINES"):
        Image.open(drawn).convert("RGB").quantize(48).save(baseline, optimize=True)
    assert baseline.stat().st_size < MOST_BYTES
    compared: str | None = compare_images(str(baseline), str(drawn), tol=TOLERANCE)
    return compared
