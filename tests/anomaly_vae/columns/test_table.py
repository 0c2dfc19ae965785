"""TableEncoder: any table to one float matrix and back, with a schema of the cells of each column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly_vae.columns.table import TableEncoder, column_names, take_rows, whole_rows
from anomaly_vae.errors import CellError, CellTypeError, IdentifierColumnWarning, SchemaError

LAW = settings(deadline=None, max_examples=20, derandomize=True)

N_ROWS = 60


def mixed() -> pd.DataFrame:
    """A table with a column of every kind that is modelled; two columns are sometimes missing."""
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "color": random.choice(["red", "green", "blue"], N_ROWS),
            "amount": np.where(random.random(N_ROWS) < 0.2, np.nan, random.normal(10.0, 3.0, N_ROWS)),
            "at": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 7 * 24, N_ROWS), unit="h"),
            "open": random.random(N_ROWS) < 0.5,
            "count": np.floor(random.pareto(1.0, N_ROWS) * 3.0).astype(np.int64),
            "unit": "kg",
            "mood": np.where(random.random(N_ROWS) < 0.3, None, random.choice(["good", "bad"], N_ROWS)),
        }
    )


MIXED = mixed()
ENCODER = TableEncoder.fit(MIXED)


def owned(encoder: TableEncoder, name: str, cells: NDArray[Any]) -> NDArray[Any]:
    """The cells of one column."""
    owner = encoder.schema.names.index(name)
    spans = [feature.span for feature in encoder.schema.features if feature.owner == owner]
    return np.concatenate([cells[:, span.start : span.stop] for span in spans], axis=1)


# ------------------------------------------------------------------------------------------------- laws
def test_the_schema_has_the_cells_of_each_column() -> None:
    """Spans are contiguous, numbers first and categories by width, and cover the matrix."""
    schema = ENCODER.schema
    starts = [feature.span.start for feature in schema.features]
    assert starts == [0, *[feature.span.stop for feature in schema.features[:-1]]]
    assert schema.n_cells == ENCODER.transform(MIXED).shape[1]
    kinds = [feature.kind for feature in schema.features]
    assert kinds == sorted(kinds, reverse=True)
    assert list(schema.category_widths) == sorted(schema.category_widths)
    assert schema.names == tuple(MIXED.columns)
    assert {column.name: column.kind for column in schema.columns} == {
        "color": "categorical",
        "amount": "numeric",
        "at": "datetime",
        "open": "boolean",
        "count": "numeric",
        "unit": "constant",
        "mood": "categorical",
    }


@pytest.mark.parametrize("name", MIXED.columns)
def test_a_cell_changes_only_its_own_span(name: str) -> None:
    """Another value in one column changes cells of that column only."""
    other = {
        "color": "blue", "amount": 99.0, "at": pd.Timestamp("2024-01-06 13:00"), "open": None,
        "count": 77, "unit": "lb", "mood": "odd",
    }  # fmt: skip
    changed = MIXED.astype({"open": object})
    row = int(np.flatnonzero(MIXED["color"] == "red")[0])
    changed.loc[row, name] = other[name]
    before, after = ENCODER.transform(MIXED), ENCODER.transform(changed)
    touched = ~((before == after) | (np.isnan(before) & np.isnan(after)))
    assert touched[row].any()
    owner = ENCODER.schema.names.index(name)
    mine = np.zeros(before.shape, dtype=bool)
    for feature in ENCODER.schema.features:
        mine[row, feature.span.start : feature.span.stop] = feature.owner == owner
    assert not (touched & ~mine).any()


def test_a_row_is_encoded_independently_of_others() -> None:
    """The cells of a row have the same bits alone, in a batch and in another order."""
    whole = ENCODER.transform(MIXED)
    order = np.random.default_rng(1).permutation(N_ROWS)
    np.testing.assert_array_equal(ENCODER.transform(take_rows(MIXED, order)), whole[order])
    for row in range(N_ROWS):
        alone = take_rows(MIXED, slice(row, row + 1))
        np.testing.assert_array_equal(ENCODER.transform(alone), whole[row : row + 1])


def test_values_are_restored() -> None:
    """inverse_transform restores every known value; an expected cell is never empty."""
    cells = ENCODER.transform(MIXED)
    back = ENCODER.inverse_transform(np.nan_to_num(cells))
    assert list(back.columns) == list(MIXED.columns)
    for name in ("color", "at", "open", "unit"):
        assert back[name].tolist() == MIXED[name].tolist()
    known = MIXED["amount"].notna()
    np.testing.assert_allclose(back["amount"][known], MIXED["amount"][known], rtol=1e-5)
    np.testing.assert_allclose(back["count"], MIXED["count"], rtol=1e-4, atol=1e-4)
    there = MIXED["mood"].notna()
    assert back["mood"][there].tolist() == MIXED["mood"][there].tolist()
    assert back.notna().to_numpy().all()


def test_samples_are_restored_like_the_table() -> None:
    """They have integers in integer columns, values in the training range, and missing cells."""
    cells = np.nan_to_num(ENCODER.transform(MIXED))
    cells[:, : ENCODER.schema.n_numeric] += np.random.default_rng(2).normal(0.0, 3.0, (N_ROWS, 4))
    drawn = ENCODER.inverse_transform(cells, drawn=True)
    assert (drawn["count"] == np.rint(drawn["count"])).all()
    for name in ("amount", "count"):
        assert drawn[name].min() >= MIXED[name].min()
        assert drawn[name].max() <= MIXED[name].max()
    assert drawn["amount"].isna().tolist() == MIXED["amount"].isna().tolist()
    assert drawn["mood"].isna().tolist() == MIXED["mood"].isna().tolist()


def test_an_encoder_can_be_rebuilt_from_its_state() -> None:
    """The rebuilt encoder has the same schema and gives the same matrix, bit for bit."""
    rebuilt = TableEncoder.from_state(ENCODER.get_state())
    assert rebuilt.schema == ENCODER.schema
    np.testing.assert_array_equal(rebuilt.transform(MIXED), ENCODER.transform(MIXED))
    np.testing.assert_array_equal(rebuilt.log_jacobian(MIXED), ENCODER.log_jacobian(MIXED))
    np.testing.assert_array_equal(rebuilt.charged_when_missing, ENCODER.charged_when_missing)


@LAW
@given(seed=st.integers(0, 2**32 - 1), missing=st.booleans(), dtype=st.sampled_from(["f8", "f4", "i8"]))
def test_an_array_and_a_frame_of_numbers_are_encoded_alike(seed: int, missing: bool, dtype: str) -> None:
    """An array, its DataFrame, also with nullable dtypes, and its objects give the same matrix."""
    random = np.random.default_rng(seed)
    array = random.normal(0.0, 5.0, (12, 3)).astype(dtype).astype("f8")
    if missing:
        array[random.random(array.shape) < 0.2] = np.nan
        array[0] = [1.0, 2.0, 3.0]
    frame = pd.DataFrame(array, columns=["x0", "x1", "x2"])
    encoder = TableEncoder.fit(array)
    matrix = encoder.transform(array)
    for other in (frame, frame.astype("Float64"), array.astype(object), frame.astype(object)):
        refitted = TableEncoder.fit(other)
        assert refitted.schema == encoder.schema
        np.testing.assert_array_equal(refitted.transform(other), matrix)
        np.testing.assert_array_equal(encoder.transform(other), matrix)


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8", "bool"])
def test_arrays_of_every_numeric_dtype_are_encoded(dtype: str) -> None:
    """They are encoded as their floats, and are not written to."""
    array = np.random.default_rng(0).integers(0, 2, (30, 2)).astype(dtype)
    array.flags.writeable = False
    encoder = TableEncoder.fit(array)
    np.testing.assert_array_equal(encoder.transform(array), encoder.transform(array.astype(np.float64)))
    assert [column.kind for column in encoder.schema.columns] == ["numeric", "numeric"]


def test_the_log_jacobian_is_that_of_the_numbers() -> None:
    """A number has the log slope of its cell; categories and missing cells have none."""
    frame = MIXED[["amount", "color", "count"]]
    encoder = TableEncoder.fit(frame)
    nats = encoder.log_jacobian(frame)
    assert nats.shape == frame.shape
    assert (nats[:, 1] == 0.0).all()
    assert ((nats[:, 0] == 0.0) == frame["amount"].isna()).all()
    known = frame["amount"].notna().to_numpy()
    np.testing.assert_allclose(nats[known, 0], -np.log(encoder.numeric.scale[0]))
    moved = frame.assign(count=frame["count"] + 0.5)
    slope = (encoder.transform(moved)[:, 1] - encoder.transform(frame)[:, 1]) / 0.5
    middle = encoder.log_jacobian(frame.assign(count=frame["count"] + 0.25))[:, 2]
    np.testing.assert_allclose(np.log(slope), middle, atol=0.05)


# -------------------------------------------------------------------------------------- missing values
def test_a_missing_value_is_nan_and_sets_its_flag() -> None:
    """All cells of a missing value are NaN; a column with missing training cells also has a flag."""
    cells = owned(ENCODER, "amount", ENCODER.transform(MIXED))
    missing = MIXED["amount"].isna().to_numpy()
    assert cells.shape == (N_ROWS, 3)
    np.testing.assert_array_equal(np.isnan(cells), missing[:, None] & [True, False, False])
    np.testing.assert_array_equal(cells[:, 2] > 0, missing)
    np.testing.assert_array_equal(cells[:, 1] > 0, ~missing)


def test_a_column_that_was_never_missing_has_no_flag() -> None:
    """A missing value is then NaN in all cells of its column, and contributes to the score once."""
    row = MIXED.iloc[:1].astype(object).copy()
    row.loc[0, ["color", "at", "count"]] = None
    cells = ENCODER.transform(row)
    for name in ("color", "at", "count"):
        assert np.isnan(owned(ENCODER, name, cells)).all()
    charged = ENCODER.charged_when_missing
    owners = np.array(ENCODER.schema.owners)
    for owner, name in enumerate(ENCODER.schema.names):
        assert charged[owners == owner].sum() == (0 if name in ("amount", "mood") else 1)


def test_an_omitted_column_may_still_have_a_flag() -> None:
    """An identifier that is sometimes missing has only its flag."""
    ids = [f"id {k}" if k % 3 else None for k in range(N_ROWS)]
    with pytest.warns(IdentifierColumnWarning, match="'id'"):
        encoder = TableEncoder.fit(pd.DataFrame({"id": ids, "x": np.linspace(0.0, 1.0, N_ROWS)}))
    cells = owned(encoder, "id", encoder.transform(pd.DataFrame({"id": ["new", None], "x": 0.5})))
    assert cells.shape == (2, 2)
    assert (cells > 0).tolist() == [[True, False], [False, True]]


def test_a_flag_of_a_column_without_any_value_is_constant() -> None:
    """A column that was always missing has only its flag: a value in it is then unusual."""
    encoder = TableEncoder.fit(pd.DataFrame({"nothing": [None] * 9, "x": np.arange(9.0) ** 2}))
    cells = owned(encoder, "nothing", encoder.transform(pd.DataFrame({"nothing": [None, 3], "x": 1.0})))
    assert (cells > 0).tolist() == [[False, True], [True, False]]
    assert cells[1].max() > 2.0 * cells[0].max()


def test_rows_without_any_value_can_be_encoded() -> None:
    """A row without values has NaN everywhere except in its flags."""
    row = pd.DataFrame({name: [None] for name in MIXED.columns})
    cells = ENCODER.transform(row)
    flags = [feature.span for feature in ENCODER.schema.features if feature.kind == "categorical"]
    present = ~np.isnan(cells[0])
    assert present.sum() == 4
    assert all(present[span.start : span.stop].all() == present[span.start] for span in flags)


# ------------------------------------------------------------------------------------------- descriptions
def test_the_schema_describes_each_column() -> None:
    """Details name logs, categories, missing values and the constant."""
    frame = MIXED.assign(count=np.floor(np.random.default_rng(3).pareto(0.7, N_ROWS) * 3.0))
    details = {column.name: column.detail for column in TableEncoder.fit(frame).schema.columns}
    assert details == {
        "color": "3 categories",
        "amount": "sometimes missing",
        "at": "weekday and time of day",
        "open": "",
        "count": "log",
        "unit": "always 'kg'",
        "mood": "2 categories, sometimes missing",
    }


def test_columns_without_names_are_numbered() -> None:
    """Columns of an array are x0, x1, ...; those of a frame have their names as text."""
    assert column_names(np.zeros((2, 3))) == ["x0", "x1", "x2"]
    assert column_names(pd.DataFrame(np.zeros((2, 2)), columns=["a", 7])) == ["a", "7"]


# ---------------------------------------------------------------------------------------------- errors
@pytest.mark.parametrize("names", [["a", "b", "a"], ["1", "b", 1]])
def test_a_duplicate_name_is_an_error(names: list[Any]) -> None:
    """Two columns with the same name are a SchemaError with the name."""
    with pytest.raises(SchemaError, match=f"column {str(names[0])!r} appears more than once"):
        TableEncoder.fit(pd.DataFrame(np.zeros((3, 3)), columns=names))


def test_latent_is_a_reserved_name() -> None:
    """A column with the name of the latent contribution is an error, because the two would be confused."""
    with pytest.raises(SchemaError, match="column 'latent'"):
        TableEncoder.fit(pd.DataFrame({"latent": [1.0, 2.0], "x": [1.0, 3.0]}))


@pytest.mark.parametrize("positions", [slice(10, 20), np.array([3, 11, 7])], ids=["block", "rows"])
def test_an_error_in_part_of_a_table_has_the_row_of_the_table(positions: Any) -> None:
    """Only errors about cells are changed."""
    message = r"column 'x', row 11: wanted a number, got 'many'"
    with pytest.raises(CellError, match=message), whole_rows(positions):
        raise CellError("x", 1, "many", "a number")
    with pytest.raises(CellTypeError, match="row 11"), whole_rows(positions):
        raise CellTypeError("x", 1, {})
    with pytest.raises(SchemaError, match="as it is"), whole_rows(positions):
        raise SchemaError("as it is")


def as_array(frame: pd.DataFrame) -> NDArray[Any]:
    return frame.to_numpy(dtype=object)


@pytest.mark.parametrize("form", [pd.DataFrame, as_array], ids=["frame", "array"])
def test_a_cell_that_cannot_be_read_is_named(form: Callable[[pd.DataFrame], Any]) -> None:
    """A text in a column of numbers is a CellError with the column, row and value."""
    frame = pd.DataFrame({"x0": ["a", "b", "a"], "x1": [1.0, 2.0, 4.0]}, dtype=object)
    encoder = TableEncoder.fit(form(frame))
    frame.loc[1, "x1"] = "many"
    with pytest.raises(CellError, match=r"column 'x1', row 1: wanted a number, got 'many'") as raised:
        encoder.transform(form(frame))
    assert (raised.value.column, raised.value.row, raised.value.value) == ("x1", 1, "many")


@pytest.mark.parametrize("cell", [{"a": 1}, [1, 2]], ids=["dict", "list"])
def test_an_object_is_named(cell: object) -> None:
    """A dict in a cell raises in fit and in transform; the error is a TypeError and a ValueError."""
    frame = pd.DataFrame({"c": ["a", "b", "a"], "x": [1.0, 2.0, 4.0]}, dtype=object)
    encoder = TableEncoder.fit(frame)
    frame.at[2, "c"] = cell
    for attempt in (TableEncoder.fit, encoder.transform):
        with pytest.raises(CellTypeError, match="column 'c', row 2") as raised:
            attempt(frame)
        assert isinstance(raised.value, TypeError)
        assert isinstance(raised.value, ValueError)


def test_identifiers_are_named_and_left_out() -> None:
    """A counter and a unique text each raise a warning with their name; an array has no identifiers."""
    frame = pd.DataFrame(
        {"id": np.arange(50), "x": np.linspace(0, 1, 50) ** 2, "key": [f"k{i}" for i in range(50)]}
    )
    with pytest.warns(IdentifierColumnWarning) as caught:
        encoder = TableEncoder.fit(frame)
    assert ["'id'" in str(caught[0].message), "'key'" in str(caught[1].message)] == [True, True]
    assert encoder.schema.owners == (1,)
    assert TableEncoder.fit(frame[["id", "x"]].to_numpy()).schema.owners == (0, 1)
