"""Models and clients for tests of the service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

from anomaly_vae import TabularVAEDetector, load, save
from anomaly_vae_pipelines.service.app import create_app
from anomaly_vae_pipelines.service.settings import Settings
from tests.anomaly_vae_pipelines.browsers import chromium, opened_page
from tests.anomaly_vae_pipelines.service.live import serving_here

QUICK: dict[str, Any] = {"max_steps": 5, "hidden_sizes": [8], "validation_fraction": 0.5}
"""Of a model that is fitted and loaded in no time: it is one, and not the five of a cross-fitted table."""


@pytest.fixture(scope="session")
def numbers() -> pd.DataFrame:
    """A table of three numbers, some of them missing."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(200, 3)), columns=["x", "y", "z"])
    table["z"] = table["z"].mask(random.random(200) < 0.1)
    return table


@pytest.fixture(scope="session")
def number_model(numbers: pd.DataFrame) -> TabularVAEDetector:
    """A model of numbers alone."""
    return TabularVAEDetector(**QUICK, random_state=0).fit(numbers)


@pytest.fixture(scope="module")
def client(model: str, image_model: str, number_model: TabularVAEDetector) -> Iterator[TestClient]:
    """A client of a service with a model of orders, one of plates and one of numbers."""
    models = {"orders": load(model), "plates": load(image_model), "numbers": number_model}
    with TestClient(create_app(models, Settings(max_rows=500))) as client:
        yield client


@pytest.fixture(scope="session")
def models(numbers: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two models of the same table."""
    folder = tmp_path_factory.mktemp("models")
    for seed in (0, 1):
        detector = TabularVAEDetector(**QUICK, random_state=seed).fit(numbers)
        save(detector, folder / f"{seed}.avae")
    return [folder / "0.avae", folder / "1.avae"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, without a window."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def judged(browser: Any, model: str, tmp_path: Path) -> Iterator[Any]:
    """The page of a service of its own, which stores verdicts in ``tmp_path``."""
    with (
        serving_here([f"orders={model}"], verdicts_folder=tmp_path, ids=("code",)) as url,
        opened_page(browser, url) as page,
    ):
        yield page
