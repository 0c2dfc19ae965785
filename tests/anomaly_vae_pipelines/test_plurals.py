"""Numbers with their nouns."""

from __future__ import annotations

from anomaly_vae_pipelines.plurals import counted


def test_only_one_is_singular():
    """Zero is plural, and thousands have a separator."""
    assert [counted(n, "row") for n in (0, 1, 2, 1234)] == ["0 rows", "1 row", "2 rows", "1,234 rows"]
