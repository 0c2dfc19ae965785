"""Frames of other libraries as pandas frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from anomaly_vae import TabularVAEDetector
from anomaly_vae.columns.frames import converted, like_frame
from anomaly_vae.errors import InputError

TABLE = pa.table({"a": [1.5, None, 2.5], "b": ["x", "y", "x"]})


class OnlyArrow:
    """A frame that gives its columns as an Arrow stream and in no other way, as a relation of DuckDB does."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


needs_pandas_3 = pytest.mark.skipif(not hasattr(pd.DataFrame, "from_arrow"), reason="pandas before version 3")


@needs_pandas_3
def test_an_arrow_stream_has_the_cells_of_the_table() -> None:
    pd.testing.assert_frame_equal(converted(OnlyArrow(TABLE)), TABLE.to_pandas(), check_dtype=False)


def test_a_frame_with_its_own_conversion_uses_it() -> None:
    pd.testing.assert_frame_equal(converted(TABLE), TABLE.to_pandas())


@pytest.mark.parametrize("X", [np.zeros((2, 2)), pd.DataFrame({"a": [1]}), [[1, 2]], 3])
def test_anything_else_is_returned_as_it_is(X: object) -> None:
    assert converted(X) is X


def test_an_older_pandas_is_refused_by_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pd.DataFrame, "from_arrow", raising=False)
    with pytest.raises(InputError, match="OnlyArrow can be read with pandas 3"):
        converted(OnlyArrow(TABLE))


def polars_frame(table: pa.Table) -> Any:
    return pytest.importorskip("polars").from_arrow(table)


def duckdb_relation(table: pa.Table) -> Any:
    return pytest.importorskip("duckdb").connect().from_arrow(table)


@needs_pandas_3
@pytest.mark.parametrize("framed", [OnlyArrow, polars_frame, duckdb_relation])
def test_a_detector_takes_them_as_they_are(framed: Callable[[pa.Table], Any]) -> None:
    """In fit, score_samples and explanations, alone and in a Pipeline; scores are those of rows in pandas."""
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"a": random.normal(size=60), "b": random.choice(["x", "y"], 60)})
    rows["when"] = pd.Timestamp("2026-01-05") + pd.to_timedelta(random.integers(10_000, size=60), unit="h")
    rows.loc[::7, "a"] = np.nan
    table = pa.Table.from_pandas(rows)
    model = make_pipeline(TabularVAEDetector(max_steps=5, validation_fraction=0.5, random_state=0)).fit(
        framed(table)
    )
    wanted = clone(model).fit(rows).score_samples(rows)
    np.testing.assert_array_equal(model.score_samples(framed(table)), wanted)
    np.testing.assert_array_equal(model[-1].fit(framed(table)).score_samples(framed(table)), wanted)
    pd.testing.assert_frame_equal(
        model[-1].explain_frame(framed(table)), model[-1].explain_frame(rows), check_dtype=False
    )


def test_rows_take_the_form_of_a_frame() -> None:
    """The index, the names and the dtypes that can hold them; a category that is unknown stays text."""
    X = pd.DataFrame(
        {"n": [1, 2], "size": pd.Categorical([38, 40]), "f": np.float32([0.5, 1.5])}, index=["a", "b"]
    )
    known = like_frame(pd.DataFrame({0: [1.5, 2.5], 1: ["40", "38"], 2: [0.25, 0.75]}), X)
    wanted = X.assign(n=[1.5, 2.5], size=pd.Categorical([40, 38], [38, 40]), f=np.float32([0.25, 0.75]))
    pd.testing.assert_frame_equal(known, wanted)
    rare = like_frame(np.array([[1.5, "<other>", 0.25], [2.5, "38", 0.75]], dtype=object), X)
    assert rare["size"].tolist() == ["<other>", "38"]


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.coo_array, sparse.lil_array])
def test_a_sparse_matrix_is_an_array(kind: Any) -> None:
    np.testing.assert_array_equal(converted(kind(np.eye(3))), np.eye(3))


def test_a_sparse_matrix_that_would_fill_the_memory_is_refused() -> None:
    """Before any of it is allocated; the message has its size and the way out."""
    with pytest.raises(InputError, match=r"\(1000000, 100000\) would take 745.1 GiB .* TruncatedSVD"):
        converted(sparse.csr_array((1_000_000, 100_000)))


def test_a_sparse_table_scores_as_a_dense_one() -> None:
    """In the detector and through a Pipeline whose step returns one."""
    X = np.where(
        np.random.default_rng(0).random((60, 4)) < 0.5, 0.0, np.random.default_rng(1).normal(size=(60, 4))
    )
    detector = TabularVAEDetector(max_steps=5, validation_fraction=0.5, random_state=0)
    wanted = clone(detector).fit(X).score_samples(X)
    for model in (detector, make_pipeline(MaxAbsScaler(), detector)):
        scores = model.fit(sparse.csr_array(X)).score_samples(sparse.csr_array(X))
        assert scores.shape == (60,)
        assert model is not detector or np.array_equal(scores, wanted)
