"""Frames of other libraries as pandas frames."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from anomaly_vae import TabularVAEDetector
from anomaly_vae.columns.frames import as_pandas, like_frame
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
    pd.testing.assert_frame_equal(as_pandas(OnlyArrow(TABLE)), TABLE.to_pandas(), check_dtype=False)


def test_a_frame_with_its_own_conversion_uses_it() -> None:
    pd.testing.assert_frame_equal(as_pandas(TABLE), TABLE.to_pandas())


@pytest.mark.parametrize("X", [np.zeros((2, 2)), pd.DataFrame({"a": [1]}), [[1, 2]], 3])
def test_anything_else_is_returned_as_it_is(X: object) -> None:
    assert as_pandas(X) is X


def test_an_older_pandas_is_refused_by_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pd.DataFrame, "from_arrow", raising=False)
    with pytest.raises(InputError, match="OnlyArrow can be read with pandas 3"):
        as_pandas(OnlyArrow(TABLE))


@needs_pandas_3
def test_a_detector_takes_them_in_fit_and_score_samples() -> None:
    """The scores are those of the same rows in pandas."""
    random = np.random.default_rng(0)
    table = pa.table({"a": random.normal(size=60), "b": random.choice(["x", "y"], 60)})
    detector = TabularVAEDetector(max_steps=5, random_state=0).fit(OnlyArrow(table))
    np.testing.assert_array_equal(
        detector.score_samples(OnlyArrow(table)), detector.score_samples(table.to_pandas())
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
