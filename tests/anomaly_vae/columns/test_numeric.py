"""Laws of the numeric columns: an invertible, ordered map to cells of order one, for any numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly_vae.columns.numeric import LINEAR, NumericColumns

Floats = NDArray[np.float64]

LAW = settings(deadline=None, max_examples=40, derandomize=True)


def gaussian(n_rows: int = 1000) -> Floats:
    return np.random.default_rng(0).normal(5.0, 2.0, n_rows)


def heavy_counts(n_rows: int = 1000) -> Floats:
    return np.floor(3.0 * np.random.default_rng(1).pareto(1.0, n_rows))


def heavy_amounts(n_rows: int = 1000) -> Floats:
    """Amounts of both signs over about ten orders of magnitude."""
    random = np.random.default_rng(2)
    return np.exp(random.normal(0.0, 3.0, n_rows)) * random.choice([-1.0, 1.0], n_rows)


SAMPLES = {
    "gaussian": gaussian(),
    "tiny": 1e-9 * gaussian(),
    "far away": 1e6 + gaussian(),
    "heavy counts": heavy_counts(),
    "heavy amounts": heavy_amounts(),
    "mostly one value": np.where(np.random.default_rng(3).random(1000) < 0.8, 7.0, gaussian()),
}

COLUMNS = {name: NumericColumns.fit(sample[:, None]) for name, sample in SAMPLES.items()}

every_column = pytest.mark.parametrize("columns", COLUMNS.values(), ids=list(COLUMNS))

numbers = st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=30).map(lambda x: np.array(x)[:, None])
any_numbers = st.lists(st.floats(allow_nan=False), min_size=2, max_size=30).map(
    lambda x: np.sort(np.array(x))[:, None]
)


def one(columns: NumericColumns, value: float) -> float:
    return float(columns.transform(np.array([[value]]))[0, 0])


def resolution(columns: NumericColumns, values: Floats) -> Floats:
    """The resolution of float64 near the values, with a margin of seven digits."""
    sizes = np.where(columns.is_logged, columns.unit, np.abs(columns.center) + columns.scale)
    return 1e-9 * (np.abs(values) + sizes)


# ------------------------------------------------------------------------------------------------- laws
@every_column
@LAW
@given(values=numbers)
def test_inverse_transform_restores_numbers(columns: NumericColumns, values: Floats) -> None:
    """inverse_transform undoes transform, also in logged columns and far beyond the linear range."""
    back = columns.inverse_transform(columns.transform(values))
    assert (np.abs(back - values) <= resolution(columns, values)).all()


@every_column
@LAW
@given(values=any_numbers)
def test_larger_numbers_have_larger_cells(columns: NumericColumns, values: Floats) -> None:
    """Cells keep the order of the numbers, including infinities; distinct floats have distinct cells."""
    cells = columns.transform(values)
    assert np.isfinite(cells).all()
    assert (np.diff(cells, axis=0) >= -1e-12).all()
    with np.errstate(over="ignore", invalid="ignore"):
        apart = np.diff(values, axis=0) > resolution(columns, values)[1:] + resolution(columns, values)[:-1]
    within = np.abs(values) <= 1e120
    strict = apart & within[1:] & within[:-1]
    assert (np.diff(cells, axis=0)[strict] > 0).all()


@LAW
@given(sample=st.lists(st.floats(allow_nan=True), min_size=1, max_size=30), values=any_numbers)
def test_cells_are_finite_and_ordered_after_any_training_data(sample: list[float], values: Floats) -> None:
    """Extreme training values do not lead to cells that are infinite or out of order."""
    columns = NumericColumns.fit(np.array(sample)[:, None])
    cells = columns.transform(values)
    assert np.isfinite(cells).all()
    assert np.isfinite(cells.astype(np.float32)).all()
    assert (np.diff(cells, axis=0) >= -1e-12).all()


@pytest.mark.parametrize("name", ["gaussian", "heavy counts"])
def test_huge_numbers_and_infinity_are_ordered(name: str) -> None:
    """Cells increase from 1e3 to 1e139; 1e300 and infinity may have equal cells."""
    values = [1e3, 1e6, 1e30, 1e100, 1e139, 1e300, np.inf]
    cells = np.array([one(COLUMNS[name], value) for value in values])
    mirrored = np.array([one(COLUMNS[name], -value) for value in values])
    assert (np.diff(cells[:5]) > 0).all()
    assert (np.diff(cells[4:]) >= 0).all()
    assert (np.diff(mirrored[:5]) < 0).all()
    assert np.abs([cells, mirrored]).max() < 2000.0


@every_column
@LAW
@given(value=st.floats(-1e12, 1e12))
def test_the_log_jacobian_is_the_slope_of_the_cell(columns: NumericColumns, value: float) -> None:
    """log |d cell / d value| equals the difference quotient of transform."""
    size = columns.unit[0] if columns.is_logged[0] else columns.scale[0]
    step = max(1e-4 * (abs(value) if columns.is_logged[0] else 0.0), 1e-4 * size, 1e-7 * abs(value))
    rise = one(columns, value + step) - one(columns, value - step)
    run = (value + step) - (value - step)
    nats = columns.log_jacobian(np.array([[value]]))[0, 0]
    assert nats == pytest.approx(np.log(rise / run), abs=2e-3)


@pytest.mark.parametrize("value", [1.7e308, np.inf, -np.inf])
def test_an_infinite_number_has_finite_nats(value: float) -> None:
    """The log Jacobian of infinity is that of the largest number, so that sums are finite."""
    nats = np.concatenate([columns.log_jacobian(np.array([[value]])) for columns in COLUMNS.values()])
    assert (nats < -100.0).all()
    assert (nats > -2000.0).all()


@every_column
def test_a_missing_number_stays_missing(columns: NumericColumns) -> None:
    """NaN stays NaN in both directions, alone and beside other values, and contributes no nats."""
    values = np.array([[np.nan], [1.0], [1e300]])
    assert np.isnan(columns.transform(values)).tolist() == [[True], [False], [False]]
    assert np.isnan(columns.transform(values[:1])).all()
    assert np.isnan(columns.inverse_transform(columns.transform(values))[0, 0])
    assert columns.log_jacobian(values)[0, 0] == 0.0


@every_column
def test_a_cell_depends_on_its_own_value_alone(columns: NumericColumns) -> None:
    """An extreme value in a batch changes no bit of the other cells."""
    calm = np.linspace(4.0, 6.0, 50)[:, None]
    beside_wild = columns.transform(np.concatenate([calm, [[1e300]]]))[:50]
    np.testing.assert_array_equal(beside_wild, columns.transform(calm))


def test_columns_do_not_mix() -> None:
    """Columns fitted together equal columns fitted alone, logged or not."""
    together = NumericColumns.fit(np.stack(list(SAMPLES.values()), axis=1))
    values = np.stack(list(SAMPLES.values()), axis=1)[:20]
    alone = np.concatenate(
        [columns.transform(values[:, [j]]) for j, columns in enumerate(COLUMNS.values())], axis=1
    )
    np.testing.assert_array_equal(together.transform(values), alone)


# ---------------------------------------------------------------------------------- center, scale, unit
def test_ordinary_numbers_are_standardised() -> None:
    """Up to ten scales a cell is (value - mean) / standard deviation."""
    cells = COLUMNS["gaussian"].transform(gaussian()[:, None])
    assert float(cells.mean()) == pytest.approx(0.0, abs=1e-12)
    assert float(cells.std()) == pytest.approx(1.0, abs=1e-12)
    center, scale = float(COLUMNS["gaussian"].center[0]), float(COLUMNS["gaussian"].scale[0])
    assert one(COLUMNS["gaussian"], center + 0.999 * LINEAR * scale) == pytest.approx(0.999 * LINEAR)
    assert one(COLUMNS["gaussian"], center + 20.0 * LINEAR * scale) < 2.0 * LINEAR


@pytest.mark.parametrize("sample", [heavy_counts(), heavy_amounts()], ids=["counts", "amounts"])
def test_heavy_tails_are_logged(sample: Floats) -> None:
    """A column over many orders of magnitude is logged: its cells are within a few scales."""
    columns = NumericColumns.fit(sample[:, None])
    assert columns.is_logged.all()
    cells = columns.transform(sample[:, None])
    raw = (sample - sample.mean()) / sample.std()
    assert np.abs(cells).max() < 8.0 < np.abs(raw).max()


@pytest.mark.parametrize(
    "sample",
    [
        gaussian(),
        gaussian() - 5.0,
        np.random.default_rng(4).uniform(0.0, 1.0, 1000),
        np.random.default_rng(4).exponential(3.0, 1000),
        np.random.default_rng(4).poisson(4.0, 1000).astype(float),
        np.random.default_rng(4).choice([-3.0, 3.0], 1000),
        10.0 ** np.random.default_rng(4).uniform(-2.0, 2.0, 1000),
        100.0 + np.random.default_rng(4).normal(size=1000) * np.repeat([1.0, 60.0], [960, 40]),
    ],
    ids=[
        "gaussian",
        "centred",
        "uniform",
        "exponential",
        "poisson",
        "two values",
        "log-uniform",
        "far from 0",
    ],
)
def test_other_columns_are_not_logged(sample: Floats) -> None:
    """Columns without a heavy tail are not logged, nor is a column whose tail a log does not shorten."""
    assert not NumericColumns.fit(sample[:, None]).is_logged.any()


@pytest.mark.parametrize("wild", [30.0, -50.0])
def test_a_few_wild_values_hardly_move_center_and_scale(wild: float) -> None:
    """One row in a hundred far outside moves the center by less than a fifth, the scale by less than a third.

    Mean and standard deviation would be off by a third and by a factor of three.
    """
    sample = gaussian()
    clean = COLUMNS["gaussian"]
    dirty = NumericColumns.fit(np.concatenate([sample, np.full(10, sample.mean() + wild * 2.0)])[:, None])
    assert not dirty.is_logged.any()
    assert abs(dirty.center[0] - clean.center[0]) < 0.2 * clean.scale[0]
    assert 1.0 <= dirty.scale[0] / clean.scale[0] < 4 / 3


@pytest.mark.parametrize("wild", [1e3, 1e9])
def test_a_few_wild_values_do_not_make_a_tail(wild: float) -> None:
    """A Gaussian column with five extreme rows in a thousand is not logged."""
    dirty = NumericColumns.fit(np.concatenate([gaussian(), np.full(5, wild)])[:, None])
    assert not dirty.is_logged.any()


def test_wild_values_beside_one_common_value_hardly_move_the_scale() -> None:
    """If half of the values are equal, the others set the fences, and extreme values do not set the scale."""
    sample = SAMPLES["mostly one value"]
    dirty = NumericColumns.fit(np.concatenate([sample, np.full(10, 60.0)])[:, None])
    assert not dirty.is_logged.any()
    assert 0.5 < dirty.scale[0] / COLUMNS["mostly one value"].scale[0] < 2.0


@pytest.mark.parametrize("sample", [[np.nan], [np.inf, -np.inf], [3.0], [3.0, 3.0, np.nan]])
def test_a_column_without_spread_has_scale_one(sample: list[float]) -> None:
    """No values, infinities or a single value give scale 1 and finite cells."""
    columns = NumericColumns.fit(np.array(sample)[:, None])
    assert columns.scale.tolist() == [1.0]
    assert np.isfinite(one(columns, 2.0))


def test_range_and_integers_are_learned() -> None:
    """low and high are the finite training range; a column is integer if all its numbers are."""
    columns = NumericColumns.fit(np.array([[1.0, 0.5], [np.inf, 3.0], [-4.0, np.nan]]))
    assert columns.low.tolist() == [-4.0, 0.5]
    assert columns.high.tolist() == [1.0, 3.0]
    assert columns.is_integer.tolist() == [True, False]


def test_columns_can_be_rebuilt_from_their_state() -> None:
    """Rebuilt columns give the same cells, bit for bit."""
    columns = NumericColumns.fit(np.stack([gaussian(), heavy_counts()], axis=1))
    rebuilt = NumericColumns(**columns.get_state())
    values = np.array([[1.0, 2.0], [1e300, np.nan]])
    np.testing.assert_array_equal(rebuilt.transform(values), columns.transform(values))


def test_a_block_may_have_no_columns() -> None:
    """It maps rows to empty rows."""
    columns = NumericColumns.fit(np.zeros((5, 0)))
    assert columns.transform(np.zeros((3, 0))).shape == (3, 0)
    assert columns.inverse_transform(np.zeros((3, 0))).shape == (3, 0)
