"""Arrow arrays from numpy arrays and texts, as pyarrow itself makes them, but without pandas."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from anomaly_vae_pipelines.arrow_arrays import (
    arrow_booleans,
    arrow_bytes,
    arrow_numbers,
    arrow_texts,
    null,
    numpy_floats,
)
from tests.anomaly_vae_pipelines.conftest import process_environment

ALONE = """
import sys
import numpy as np, pyarrow as pa
from anomaly_vae_pipelines.arrow_arrays import *
from anomaly_vae_pipelines.arrow_arrays import arrow_booleans, arrow_bytes, arrow_numbers, arrow_texts, null
arrow_numbers(np.array([1.0, np.nan]), nan_as_null=True)
numbers = pa.chunked_array([arrow_numbers(np.arange(3.0))])
numpy_floats(numbers)
arrow_booleans(np.array([True])), arrow_texts(["a", None]), arrow_bytes([b"a"]), null(pa.string())
sys.exit("pandas" in sys.modules)
"""


def test_pandas_is_not_imported():
    """By none of them."""
    subprocess.run([sys.executable, "-c", ALONE], env=process_environment(), check=True)


@pytest.mark.parametrize("n_rows", [0, 1, 7, 8, 9, 100])
def test_numbers_and_booleans_are_those_of_numpy(n_rows):
    """Of any number, and of arrays with gaps in memory."""
    values = np.random.default_rng(0).normal(size=(n_rows, 2))[:, 1]
    assert arrow_numbers(values).equals(pa.array(values))
    assert arrow_numbers(np.arange(n_rows)).equals(pa.array(np.arange(n_rows)))
    assert arrow_booleans(values > 0).equals(pa.array(values > 0))


def test_nan_can_be_null():
    """As with from_pandas=True."""
    values = np.array([1.0, np.nan, -np.inf])
    assert arrow_numbers(values, nan_as_null=True).equals(pa.array(values, from_pandas=True))
    assert not arrow_numbers(values).null_count


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
@pytest.mark.parametrize("cells", [[], [""], ["a", None, "äö", ""], [None], ["x"] * 100])
def test_texts_are_those_of_pyarrow(cells, kind):
    """Null for None, with 32-bit or 64-bit offsets."""
    found = arrow_texts(cells, kind)
    found.validate(full=True)
    assert found.equals(pa.array(cells, kind))


def test_bytes_and_nulls():
    """Bytes of any kind, and a null of any type."""
    assert arrow_bytes([b"\xff", b""]).equals(pa.array([b"\xff", b""], pa.large_binary()))
    assert null(pa.int8()).equals(pa.scalar(None, pa.int8()))


def test_a_text_that_is_not_unicode_is_refused():
    """As by pyarrow."""
    with pytest.raises(UnicodeEncodeError):
        arrow_texts(["\ud800"])


def test_floats_come_back():
    """From slices, chunks and with nulls, which are NaN."""
    column = pa.chunked_array([[1.0, None], [], [2.0, np.nan, 4.0]])
    for part in (column, column.slice(1), column.slice(0, 3), column.chunk(2).slice(1), column.slice(0, 0)):
        np.testing.assert_array_equal(numpy_floats(part), part.to_numpy(zero_copy_only=False))
    np.testing.assert_array_equal(numpy_floats(pa.nulls(2, pa.float64())), [np.nan, np.nan])
