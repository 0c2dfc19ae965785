"""Survey: a first pass over files, for a threshold that depends on all of their rows.

Which p-value is low enough for a false-discovery rate, and how many rows a day there are, is known when
the last row was seen. Nothing is kept but counts; scoring the files is the second pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.discovery import FalseDiscovery
from anomaly_vae.errors import InputError
from anomaly_vae.nn.threads import one_thread
from anomaly_vae.tails import Tail
from anomaly_vae.thresholds import false_alarm_offset
from anomaly_vae_pipelines.io.parallel import in_order
from anomaly_vae_pipelines.scoring.budget import RowRate, add_times, rate_of_budget
from anomaly_vae_pipelines.scoring.by_model import AnyScorer, make_scorer, open_inputs
from anomaly_vae_pipelines.scoring.tables import Model, final_detector
from anomaly_vae_pipelines.sources import Block, Inputs, Source
from anomaly_vae_pipelines.sources.selection import require_columns


@dataclass(frozen=True)
class Surveyed:
    """What a first pass found.

    Attributes
    ----------
    offset : float
        Scores below it are to be flagged, in nats.
    rate : float or None
        The false-alarm rate of that threshold; None where no row is to be flagged.
    n_rows, least : int or None
        For a false-discovery rate: rows that could be read, and the fewest of them that can be flagged.
    """

    offset: float
    rate: float | None
    n_rows: int | None = None
    least: int | None = None


def survey_discoveries(
    model: Model,
    inputs: Sequence[str],
    rate: float,
    *,
    input_format: str | None = None,
    jobs: int | None = None,
) -> Surveyed:
    """The threshold at which on average at most a share ``rate`` of the flagged rows is normal.

    By Benjamini & Hochberg's procedure on the conformal p-values of all rows (Bates et al. 2023); rows
    that cannot be read take no part. Raises InputError for what cannot be read twice.
    """
    scorer = make_scorer(model, explain="none")
    calibration = scorer.detector.calibration_scores_
    found = FalseDiscovery(len(calibration))
    opened = _readable_twice(open_inputs(model, inputs, input_format))
    for number in range(len(opened.names)):
        with opened.open(number) as source:
            require_columns(scorer.names, source, ", which the model was fitted on")
            for values in in_order(partial(_p_values, scorer, source), source.blocks(), jobs):
                found.add(values)
    cutoff = found.cutoff(rate)
    offset = float("-inf") if cutoff is None else false_alarm_offset(calibration, cutoff)
    return Surveyed(offset, cutoff, found.n_rows, found.least_discoveries(rate))


def survey_budget(
    model: Model,
    inputs: Sequence[str],
    alerts_per_day: float,
    *,
    rows_per_day: float | None = None,
    time: str | None = None,
    tail: Tail = "empirical",
    input_format: str | None = None,
) -> Surveyed:
    """The threshold at which so many normal rows a day are flagged.

    Rows a day are as given, or as the column ``time`` of the files shows. Raises InputError for a budget
    that the calibration rows are too few for, unless ``tail`` is "gpd".
    """
    if time is not None:
        rows_per_day = _rows_per_day(open_inputs(model, inputs, input_format), time)
    if rows_per_day is None:
        raise InputError("a budget needs the rows per day, or the column of their times")
    rate = rate_of_budget(alerts_per_day, rows_per_day)
    detector = final_detector(model).set_threshold(false_alarm_rate=rate, tail=tail)
    return Surveyed(detector.offset_, rate)


def _p_values(scorer: AnyScorer, source: Source, block: Block) -> NDArray[np.float64]:
    """p-values of the rows of a block that can be read."""
    with one_thread():
        rows, _ = source.read(block, scorer.names, scorer.numeric)
        return scorer(rows).rows.p_values


def _rows_per_day(inputs: Inputs, column: str) -> float:
    rate = RowRate(column)
    for number in range(len(_readable_twice(inputs).names)):
        with inputs.open(number) as source:
            require_columns([column], source)
            for block in source.blocks():
                add_times(rate, source.read(block, [column]).rows)
    return rate.rows_per_day()


def _readable_twice(inputs: Inputs) -> Inputs:
    if "-" in inputs.names:
        raise InputError("standard input cannot be read twice, which this threshold needs; give a file")
    return inputs
