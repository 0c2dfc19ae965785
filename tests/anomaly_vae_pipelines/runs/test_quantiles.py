"""Quantiles in constant memory."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae_pipelines.runs.quantiles import QuantileSketch

VALUES = st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=200).map(np.array)


@given(VALUES, st.floats(0, 1))
def test_a_quantile_is_within_one_in_a_hundred(values, share):
    """Of any values, of any sign and size, at any share."""
    sketch = QuantileSketch()
    sketch.add(values)
    exact = np.quantile(values, share, method="lower")
    assert sketch.quantile(share) == pytest.approx(exact, rel=0.0101, abs=2e-9)


@given(VALUES, st.integers(0, 200))
def test_parts_and_whole_are_one(values, cut):
    """Quantiles do not depend on how values are split, or on saving the state in between."""
    whole, parts = QuantileSketch(), QuantileSketch()
    whole.add(values)
    parts.add(values[:cut])
    parts = QuantileSketch.from_state(json.loads(json.dumps(parts.get_state())))
    parts.add(values[cut:])
    assert parts.get_state() == whole.get_state()


def test_nothing_has_no_quantile():
    """Without values there is nothing to say."""
    assert math.isnan(QuantileSketch().quantile(0.5))
