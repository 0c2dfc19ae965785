"""Bins of any number of rows."""

from __future__ import annotations

import numpy as np

from anomaly_vae_pipelines.reports.timeline import MAX_BINS, Timeline


def test_bins_are_few_and_do_not_depend_on_blocks_or_order():
    draw = np.random.default_rng(0)
    places = draw.integers(-5_000, 90_000, 3_000)
    severities, flagged = draw.uniform(0, 100, 3_000), draw.random(3_000) < 0.1
    whole, parts = Timeline(), Timeline()
    whole.add(places, severities, flagged)
    for part in np.array_split(draw.permutation(3_000), 17):
        parts.add(places[part], severities[part], flagged[part])
    assert whole.bins() == parts.bins()
    assert whole.width == parts.width
    assert 1 < len(whole.bins()) <= MAX_BINS
    assert sum(one["rows"] for one in whole.bins()) == 3_000
    assert sum(one["alerts"] for one in whole.bins()) == flagged.sum()
    assert max(one["highest"] for one in whole.bins()) == severities.max()
