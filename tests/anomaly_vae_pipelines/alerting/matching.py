"""The matches of a rule in a stream of rows."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows
from tests.anomaly_vae_pipelines.alerting.streams import parts, scored

HOSTS = st.lists(
    st.tuples(st.booleans(), st.sampled_from("abc"), st.integers(0, 30)), min_size=1, max_size=80
)


def found(rule, batch, cuts=(), times=None):
    """Matches of a rule in a stream, and at its end."""
    clock = iter(np.zeros(len(batch.scores)) if times is None else times)
    matches = []
    for piece in parts(batch, cuts):
        timed = TimedRows(piece, np.array([next(clock) for _ in piece.scores], dtype=float))
        matches += rule.find(timed)
    return matches + list(rule.end(0.0))


def stream(rows):
    return scored([flag for flag, _, _ in rows], host=[host for _, host, _ in rows])
