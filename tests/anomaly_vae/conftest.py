"""A table and images with fitted detectors, the path of a model file, and how one is rejected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import ImageVAEDetector, ModelFileError, TabularVAEDetector, load
from tests.anomaly_vae.plates import plates


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
    return TabularVAEDetector(novelty=True, max_steps=200, validation_fraction=0.25, random_state=0).fit(
        table
    )


@pytest.fixture(scope="session")
def fresh() -> pd.DataFrame:
    """New rows from the same distribution."""
    return mixed_table(300, 1)


@pytest.fixture(scope="session")
def image_detector() -> ImageVAEDetector:
    """A detector fitted on 120 plates."""
    return ImageVAEDetector(max_steps=60, random_state=0).fit(plates(120, 0))


@pytest.fixture(scope="session")
def elbo_detector() -> ImageVAEDetector:
    """A detector of the same plates that uses the bound as the score."""
    return ImageVAEDetector(max_steps=60, random_state=0, score_type="elbo").fit(plates(120, 0))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test writes a model file."""
    return tmp_path / "model.avae"


def refusal(path: Path, **options: Any) -> str:
    """The one line with which ``load`` rejects a file, without the path that it starts with."""
    with pytest.raises(ModelFileError) as caught:
        load(path, **options)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")
