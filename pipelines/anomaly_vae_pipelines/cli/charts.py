"""Charts of one line: counts as blocks, with a bar at the threshold."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anomaly_vae.score_bins import ScoreBins

BLOCKS, ASCII = " ▁▂▃▄▅▆▇█", " .:-=+*#%"
"""Signs for growing counts, and those for terminals that cannot show them."""


def score_pairs(bins: ScoreBins | None) -> list[tuple[str, str]]:
    """Pairs for ``echo_pairs``: a chart of the scores of each group, and the scale below it, if any."""
    if bins is None:
        return []
    charts = [(name, chart(counts, bins.n_below)) for name, counts in bins.counts.items()]
    scale = f"scores from {bins.edges[0]:.4g} to {bins.edges[-1]:.4g} nats, | is the threshold"
    return [*charts, ("", scale)]


def chart(counts: Sequence[int], n_below: int) -> str:
    """One sign per count, its height in proportion to the highest, with a bar before the threshold."""
    signs = BLOCKS if _shows(BLOCKS) else ASCII
    most = max(max(counts), 1)
    heights = [-(-count * (len(signs) - 1) // most) for count in counts]  # rounded up: one row is seen
    text = "".join(signs[height] for height in heights)
    return f"{text[:n_below]}|{text[n_below:]}".rstrip()


def _shows(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
