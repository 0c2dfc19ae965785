"""Devices."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anomaly_vae import InputError, TabularVAEDetector
from anomaly_vae.detectors._devices import resolve_device, stored_device
from tests.anomaly_vae.detectors.test_tabular import QUICK


def test_an_unavailable_device_is_an_input_error() -> None:
    """The message names devices that work."""
    with pytest.raises(InputError, match="'auto' or 'cpu'"):
        TabularVAEDetector(device="cuda:99", **QUICK).fit(np.random.default_rng(0).normal(size=(20, 2)))


@pytest.mark.parametrize("stored", ["cuda:99", "auto", "nonsense"])
def test_a_saved_detector_is_loaded_on_an_available_device(stored: str) -> None:
    """A device of another machine is replaced by that of "auto"; "cpu" is kept."""
    assert stored_device({"device": stored}) == resolve_device("auto")
    assert stored_device({"device": "cpu"}) == torch.device("cpu")
