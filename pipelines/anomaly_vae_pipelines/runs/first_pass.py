"""First pass over the inputs, for a threshold that depends on all rows.

The cutoff of a false-discovery rate, and the number of rows per day, are known only after the last row. The
first pass keeps counts, not rows; the files are scored in a second pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass

from anomaly_vae.discovery import FalseDiscovery, check_discovery
from anomaly_vae.errors import InputError
from anomaly_vae.tails import LowerTail, Tail
from anomaly_vae.thresholds import Floats, false_alarm_offset, least_false_alarm_rate
from anomaly_vae_pipelines.records import Rows
from anomaly_vae_pipelines.scoring import budget
from anomaly_vae_pipelines.scoring.adapters import Adapter
from anomaly_vae_pipelines.scoring.blocks import score_blocks
from anomaly_vae_pipelines.scoring.tables import one_offset
from anomaly_vae_pipelines.sources import Source
from anomaly_vae_pipelines.sources.image_inputs import Inputs
from anomaly_vae_pipelines.sources.selection import require_columns


@dataclass(frozen=True)
class FoundThreshold:
    """The threshold that a first pass found.

    Attributes
    ----------
    offset : float
        Scores below it are flagged, in nats.
    rate : float or None
        The false-alarm rate of that threshold; None if no row can be flagged.
    n_rows, least : int or None
        For a false-discovery rate: the number of rows that could be read, and the smallest number of them
        that can be flagged (None with an estimated tail).
    """

    offset: float
    rate: float | None
    n_rows: int | None = None
    least: int | None = None


def discovery_threshold(
    adapter: Adapter,
    inputs: Sequence[str],
    rate: float,
    *,
    input_format: str | None = None,
    jobs: int | None = None,
    tail: Tail = "empirical",
) -> FoundThreshold:
    """Find the threshold at which, on average, at most a share ``rate`` of the flagged rows is normal.

    Uses the procedure of Benjamini & Hochberg on the conformal p-values of all rows (Bates et al. 2023),
    without the rows that cannot be read. With ``tail="gpd"`` p-values below the lowest calibration score are
    estimated. Raises InputError for inputs that cannot be read twice, and for a rate that no number of rows
    can reach.
    """
    one_offset(adapter.detector, "a false-discovery rate needs")
    calibration = adapter.detector.calibration_scores_
    if tail == "empirical":
        check_discovery(rate, len(calibration))
    scorer = adapter.scorer(explain="none", tail=tail)
    found = FalseDiscovery(len(calibration))
    for source in _sources(adapter.inputs(inputs, input_format)):
        for p_values in score_blocks(scorer, source, lambda block: block.scored.p_values, jobs=jobs):
            found.add(p_values)
    cutoff = found.cutoff(rate)
    least = found.least_discoveries(rate) if tail == "empirical" else None
    return FoundThreshold(_offset(calibration, cutoff), cutoff, found.n_rows, least)


def budget_threshold(
    adapter: Adapter,
    inputs: Sequence[str],
    alerts_per_day: float,
    *,
    rows_per_day: float | None = None,
    time: str | None = None,
    tail: Tail = "empirical",
    input_format: str | None = None,
) -> FoundThreshold:
    """Find the threshold at which at most ``alerts_per_day`` normal rows per day are flagged.

    The rows per day are given, or measured from the column ``time`` of the inputs. Raises InputError if there
    are too few calibration rows for the budget, unless ``tail`` is "gpd". The threshold of the model is not
    changed.
    """
    one_offset(adapter.detector, "a budget of alerts needs")
    if time is not None:
        rows_per_day = budget.rows_per_day(_times(adapter.inputs(inputs, input_format), time), time)
    if rows_per_day is None:
        raise InputError("a budget needs the rows per day or a column of times")
    n_calibration = len(adapter.detector.calibration_scores_)
    rate = budget.reachable_rate(alerts_per_day, rows_per_day, n_calibration, tail)
    detector = copy(adapter.detector).set_threshold(false_alarm_rate=rate, tail=tail)
    return FoundThreshold(detector.offset_, rate)


def _offset(calibration: Floats, cutoff: float | None) -> float:
    """Return the score below which p-values are at most the cutoff; -inf without a cutoff."""
    if cutoff is None:
        return float("-inf")
    if cutoff < least_false_alarm_rate(len(calibration)):
        return LowerTail.fit(calibration).offset(cutoff)
    return false_alarm_offset(calibration, cutoff)


def _times(inputs: Inputs, column: str) -> Iterator[Rows]:
    """Yield the rows of each block that can be read, with their column of times."""
    for source in _sources(inputs):
        require_columns([column], source)
        for block in source.blocks():
            yield source.read(block, [column]).rows


def _sources(inputs: Inputs) -> Iterator[Source]:
    """Open each source in turn; raises InputError if the inputs cannot be read twice."""
    if "-" in inputs.names:
        raise InputError(
            "this threshold needs two passes, and standard input cannot be read twice; give a file"
        )
    for number in range(len(inputs.names)):
        with inputs.open(number) as source:
            yield source
