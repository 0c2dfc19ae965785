"""Numbers with nouns."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.plurals import counted


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1234, "1,234 rows"), (10**6, "1,000,000 rows")],
)
def test_only_one_is_singular(number, text):
    """Thousands are separated by commas."""
    assert counted(number, "row") == text
