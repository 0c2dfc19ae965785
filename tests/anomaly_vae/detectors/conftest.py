"""Tables and fitted detectors that the tests of detectors share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from anomaly_vae import ImageVAEDetector, TabularVAEDetector


def mixed_table(n_rows: int, seed: int) -> pd.DataFrame:
    """A table with one column of each kind, some of them dependent."""
    random = np.random.default_rng(seed)
    size = random.normal(size=n_rows)
    table = pd.DataFrame(
        {
            "length": 10 + 2 * size + 0.1 * random.normal(size=n_rows),
            "weight": 3 * size + 0.2 * random.normal(size=n_rows),
            "count": np.exp(random.normal(4, 3, size=n_rows)).round(),
            "colour": np.where(size > 0, "red", random.choice(["green", "blue"], n_rows)),
            "valid": random.random(n_rows) < 0.9,
            "when": pd.Timestamp("2026-01-05")
            + pd.to_timedelta(random.integers(10_000, size=n_rows), unit="h"),
            "unit": 7,
        }
    )
    table["note"] = pd.Series(random.normal(size=n_rows)).where(random.random(n_rows) < 0.7)
    return table


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    """Training rows of every kind of column."""
    return mixed_table(600, 0)


@pytest.fixture(scope="session")
def fitted(table: pd.DataFrame) -> TabularVAEDetector:
    """A detector fitted on that table."""
    return TabularVAEDetector(novelty=True, max_steps=200, random_state=0).fit(table)


@pytest.fixture(scope="session")
def fresh() -> pd.DataFrame:
    """New rows from the same distribution."""
    return mixed_table(300, 1)


Images = NDArray[Any]

SIDE = 40


def plates(n_images: int, seed: int, channels: int = 0) -> Images:
    """Synthetic images of plates: texture, a bright rim, light from the left or right; uint8."""
    random = np.random.default_rng(seed)
    shape = (n_images, SIDE, SIDE, channels) if channels else (n_images, SIDE, SIDE)
    texture = ndimage.gaussian_filter(random.normal(size=shape), (0, 0.7, 2.0, *[0] * bool(channels)))
    light = 1.0 + random.uniform(-0.3, 0.3, (n_images, *[1] * (texture.ndim - 1))) * np.linspace(
        -1, 1, SIDE
    ).reshape(1, 1, SIDE, *[1] * bool(channels))
    rim = np.ones((SIDE, SIDE))
    rim[:3], rim[:, :3] = 1.5, 1.5
    image = 100.0 * (light + 0.15 * texture) * rim.reshape(1, SIDE, SIDE, *[1] * bool(channels))
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def detector() -> ImageVAEDetector:
    """Fitted on 120 plates."""
    return ImageVAEDetector(max_steps=60, random_state=0).fit(plates(120, 0))
