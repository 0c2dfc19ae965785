"""Laws of the one-hot blocks: centred cells, one positive cell per span, NaN for missing values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly_vae.columns.categorical import MISSING, CategoryColumns, Codes

LAW = settings(deadline=None, max_examples=40, derandomize=True)


@st.composite
def coded(draw: st.DrawFn) -> tuple[Codes, list[int]]:
    """Codes (n_rows, n_columns), some missing, and the widths of their columns, ascending."""
    widths = sorted(draw(st.lists(st.integers(2, 7), min_size=1, max_size=4)))
    n_rows = draw(st.integers(1, 12))
    rows = [[draw(st.integers(MISSING, width - 1)) for width in widths] for _ in range(n_rows)]
    return np.array(rows, dtype=np.int64), widths


def spans(columns: CategoryColumns, cells: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return np.split(cells, columns.starts[1:-1], axis=1)


@LAW
@given(given_codes=coded())
def test_inverse_transform_restores_codes(given_codes: tuple[Codes, list[int]]) -> None:
    """The largest cell of a span is that of the code."""
    codes, widths = given_codes
    columns = CategoryColumns.fit(codes, widths)
    known = np.where(codes == MISSING, 0, codes)
    np.testing.assert_array_equal(columns.inverse_transform(columns.transform(known)), known)


@LAW
@given(given_codes=coded())
def test_one_cell_of_a_span_is_positive(given_codes: tuple[Codes, list[int]]) -> None:
    """The hot cell is the only positive one of its span, and a missing value is NaN in all cells of it."""
    codes, widths = given_codes
    columns = CategoryColumns.fit(codes, widths)
    for j, cells in enumerate(spans(columns, columns.transform(codes))):
        there = codes[:, j] != MISSING
        assert np.isnan(cells[~there]).all()
        assert ((cells[there] > 0).sum(axis=1) == 1).all()
        assert (cells[there] != 0).all()
        np.testing.assert_array_equal(cells[there].argmax(axis=1), codes[there, j])


@LAW
@given(given_codes=coded())
def test_cells_are_centred(given_codes: tuple[Codes, list[int]]) -> None:
    """Under the frequencies of the categories each cell has mean 0 and a variance of at most 1."""
    codes, widths = given_codes
    columns = CategoryColumns.fit(codes, widths)
    for j, frequencies in enumerate(np.split(columns.frequencies, columns.starts[1:-1])):
        each = np.zeros((widths[j], len(widths)), dtype=np.int64)
        each[:, j] = np.arange(widths[j])
        cells = spans(columns, columns.transform(each))[j]
        np.testing.assert_allclose(frequencies @ cells, 0.0, atol=1e-12)
        assert (frequencies @ cells**2 <= 1.0).all()


@LAW
@given(given_codes=coded())
def test_frequencies_are_smoothed_shares(given_codes: tuple[Codes, list[int]]) -> None:
    """Frequencies of a span sum to 1, none is 0, and a category seen more often has a higher one."""
    codes, widths = given_codes
    columns = CategoryColumns.fit(codes, widths)
    for j, frequencies in enumerate(np.split(columns.frequencies, columns.starts[1:-1])):
        counts = np.array([(codes[:, j] == k).sum() for k in range(widths[j])])
        assert frequencies.sum() == pytest.approx(1.0)
        assert (frequencies > 0).all()
        np.testing.assert_array_equal(
            np.argsort(counts, kind="stable"), np.argsort(frequencies, kind="stable")
        )


def test_frequencies_approach_the_shares() -> None:
    """With many rows the smoothing is negligible: 900 of 1,000 is 90 %."""
    codes = np.repeat([0, 1, MISSING], [900, 100, 500])[:, None].astype(np.int64)
    columns = CategoryColumns.fit(codes, [3])
    np.testing.assert_allclose(columns.frequencies, [0.9, 0.1, 0.0], atol=1e-3)


def test_a_rare_category_has_a_bounded_cell() -> None:
    """A category that occurs once in a million rows is ten scales away, not a thousand."""
    columns = CategoryColumns([2], np.array([1 - 1e-6, 1e-6]))
    assert 5.0 < columns.transform(np.array([[1]]))[0, 1] < 10.0


def test_columns_can_be_rebuilt_from_their_state() -> None:
    """Rebuilt columns give the same cells, bit for bit."""
    codes = np.array([[0, 2], [1, MISSING], [1, 1]], dtype=np.int64)
    columns = CategoryColumns.fit(codes, [2, 3])
    state = columns.get_state()
    rebuilt = CategoryColumns([int(width) for width in state["widths"]], state["frequencies"])
    np.testing.assert_array_equal(rebuilt.transform(codes), columns.transform(codes))


def test_a_block_may_have_no_columns() -> None:
    """It maps rows to empty rows."""
    columns = CategoryColumns.fit(np.zeros((4, 0), dtype=np.int64), [])
    assert columns.transform(np.zeros((3, 0), dtype=np.int64)).shape == (3, 0)
    assert columns.inverse_transform(np.zeros((3, 0))).shape == (3, 0)
