"""Alert budgets: rows per day, and the false-alarm rate of a budget."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae.errors import CellError, InputError
from anomaly_vae.thresholds import least_false_alarm_rate
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.scoring.budget import RowRate, rate_of_budget, reachable_rate, rows_per_day
from tests.anomaly_vae_pipelines.conftest import text_rows

LAW = settings(deadline=None, max_examples=50, derandomize=True)

START = datetime(2026, 1, 1, tzinfo=UTC)


def rate_of(*blocks: list[str]) -> float:
    rate = RowRate("when")
    for block in blocks:
        rate.add(block)
    return rate.rows_per_day()


@LAW
@given(
    n_rows=st.integers(2, 60),
    minutes=st.integers(1, 10_000),
    cuts=st.lists(st.integers(0, 60), max_size=4),
    seed=st.integers(0, 99),
)
def test_neither_blocks_nor_order_nor_notation_matter(
    n_rows: int, minutes: int, cuts: list[int], seed: int
) -> None:
    """The rate of regular rows depends neither on their order, blocks nor notation."""
    order = np.random.default_rng(seed).permutation(n_rows)
    times = [START + timedelta(minutes=int(i) * minutes) for i in order]
    for notation in (datetime.isoformat, lambda time: str(time.timestamp())):
        blocks = [list(block) for block in np.split([notation(time) for time in times], sorted(cuts))]
        assert rate_of(*blocks) == pytest.approx(1440 / minutes)


def test_offsets_of_times_count() -> None:
    """Two notations of one moment are one moment; without an offset it is UTC."""
    assert rate_of(["2026-01-01T00:00:00+02:00", "2026-01-01T22:00:00"]) == 1.0
    assert rate_of(["2026-01-01", "2026-01-03"]) == 0.5


def test_rows_without_a_time_are_rows() -> None:
    """They count, as they are scored too."""
    assert rate_of(["", "1", "NA"], ["", "86401"]) == 4.0


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([], "contains no time in 0 rows"),
        ([["", "NA"]], "contains no time in 2 rows"),
        ([["5"]], "contains only one time in 1 rows"),
        ([["2026-01-01"], ["2026-01-01"]], "contains only one time in 2 rows"),
    ],
)
def test_a_rate_needs_two_times(blocks: list[list[str]], words: str) -> None:
    """The message has the alternative option."""
    with pytest.raises(InputError, match=rf"column 'when' {words}.*--rows-per-day"):
        rate_of(*blocks)


@pytest.mark.parametrize("cells", [["1", "soon"], ["2026-01-01", "7"], ["1", "2026-01-01"], ["1", "inf"]])
def test_an_invalid_time_is_named(cells: list[str]) -> None:
    """Also one that is a time in the other notation: seconds are not taken for years."""
    with pytest.raises(CellError, match=rf"row 1: wanted a time .*, got '{cells[1]}'"):
        rate_of(cells)


def test_an_error_has_the_line_and_the_column() -> None:
    """Blocks have their line numbers."""
    rows = text_rows(("when", "x"), [("1", "a"), ("soon", "b")], "events.csv")
    with pytest.raises(SourceError, match=r"events.csv, line 3: column 'when': wanted a time .*got 'soon'"):
        rows_per_day([rows], "when")
    assert rows_per_day([text_rows(("when",), [("0",), ("86400",)])], "when") == 1.0


@LAW
@given(rows=st.floats(1.0, 1e12), share=st.floats(1e-6, 0.99))
def test_a_budget_is_a_rate_between_never_and_always(rows: float, share: float) -> None:
    """It is the number of alerts divided by the number of rows."""
    assert rate_of_budget(share * rows, rows) == pytest.approx(share)


@pytest.mark.parametrize(
    ("alerts", "rows", "words"),
    [
        (5, 5, "5 alerts per day of 5 rows per day is an alert for every row"),
        (5, 0.5, "choose fewer alerts"),
        (0, 10, "the alerts per day must be a positive number, got 0"),
        (1, float("inf"), "the rows per day must be a positive number, got inf"),
        (1, float("nan"), "the rows per day must be"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(alerts: float, rows: float, words: str) -> None:
    """More alerts than rows are no budget, and numbers are positive."""
    with pytest.raises(InputError, match=words):
        rate_of_budget(alerts, rows)


@LAW
@given(n_calibration=st.integers(1, 2000), rows=st.floats(10.0, 1e9), part=st.floats(0.01, 0.99))
def test_the_lowest_budget_that_an_error_names_can_be_reached(
    n_calibration: int, rows: float, part: float
) -> None:
    """It is at most one percent above the lowest that the calibration rows guarantee; a tail needs none."""
    least = least_false_alarm_rate(n_calibration) * rows
    with pytest.raises(InputError, match="is a false-alarm rate of") as caught:
        reachable_rate(part * least, rows, n_calibration, "empirical")
    lowest = float(re.search(r"Use (\S+) alerts per day or more", str(caught.value)).group(1))
    assert least <= lowest * (1 + 1e-9)
    assert lowest <= 1.01 * least
    assert reachable_rate(lowest, rows, n_calibration, "empirical") == rate_of_budget(lowest, rows)
    assert reachable_rate(part * least, rows, n_calibration, "gpd") == rate_of_budget(part * least, rows)
