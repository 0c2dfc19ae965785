"""Devices."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae import InputError, TabularVAEDetector
from tests.anomaly_vae.detectors.test_tabular import QUICK


def test_an_unknown_device_is_refused_with_the_way_out() -> None:
    """A device that is not there is the user's mistake, and the message says what works."""
    with pytest.raises(InputError, match="'auto' or 'cpu'"):
        TabularVAEDetector(device="cuda:99", **QUICK).fit(np.random.default_rng(0).normal(size=(20, 2)))
