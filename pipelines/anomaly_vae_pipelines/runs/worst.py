"""WorstRows: the most anomalous rows of a run so far, in constant memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anomaly_vae_pipelines.scoring.options import WorstRow

if TYPE_CHECKING:
    from anomaly_vae_pipelines.records import ScoredRows

N_WORST = 5


class WorstRows:
    """Keeps the flagged rows with the lowest scores; of equal scores, the first.

    Parameters
    ----------
    with_source : bool
        Whether the name of a row contains that of its file.
    """

    def __init__(self, *, with_source: bool) -> None:
        self._with_source = with_source
        self.rows: tuple[WorstRow, ...] = ()

    def add(self, scored: ScoredRows) -> None:
        """Add the rows of a block."""
        flagged = np.flatnonzero(scored.is_anomaly)
        if len(self.rows) == N_WORST:  # only lower scores can replace any
            flagged = flagged[scored.scores[flagged] < self.rows[-1].score]
        lowest = flagged[np.argsort(scored.scores[flagged], kind="stable")[:N_WORST]]
        found = [self._row(scored, position) for position in lowest.tolist()]
        self.rows = tuple(sorted([*self.rows, *found], key=lambda row: row.score)[:N_WORST])

    def _row(self, scored: ScoredRows, position: int) -> WorstRow:
        rows = scored.rows
        name = rows.name_of(position)
        return WorstRow(
            f"{rows.source_of(position)}, {name}" if self._with_source else name,
            float(scored.scores[position]),
            float(scored.severities[position]),
            "".join(scored.reasons.part(position, position + 1).texts()),
        )
