"""Raw columns to encoded cells: the operators give what the encoder gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from numpy.typing import NDArray

from anomaly_vae.columns.readers import BooleanReader, ConstantReader, DatetimeReader
from anomaly_vae.columns.table import TableEncoder
from anomaly_vae.runtime.encoding import add_cells, is_read_as_number
from anomaly_vae.runtime.export_check import inputs_of
from anomaly_vae.runtime.graph import Graph
from anomaly_vae.runtime.messages import tensor
from tests.anomaly_vae.runtime.tables import CASES, case


def cells_of(encoder: TableEncoder, inputs: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Cells that ONNX Runtime computes from inputs with the names and the order of the columns."""
    graph = Graph("//")
    names = [name if name in inputs else None for name in _names(encoder)]
    cells = add_cells(graph, encoder, names)
    kinds = [np.float64 if is_read_as_number(reader) else np.str_ for reader in encoder.readers]
    described = [tensor(name, kind, "n", 1) for name, kind in zip(names, kinds, strict=True) if name]
    outputs = [(cells, tensor("cells", np.float32, "n", encoder.schema.n_cells))]
    model = graph.model(described, outputs, producer_version="0").SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, inputs)[0])


def _names(encoder: TableEncoder) -> list[str]:
    return ["score_in" if reader.name == "score" else reader.name for reader in encoder.readers]


@pytest.mark.filterwarnings("ignore:column 'key' looks like an identifier")
@pytest.mark.parametrize("name", CASES)
def test_cells_are_those_of_the_encoder(name: str) -> None:
    """For missing cells, unknown texts, infinities and 1e300 too; the same cells are missing."""
    table, rows = case(name).table, case(name).rows
    encoder = TableEncoder.fit(table)
    cells, wanted = cells_of(encoder, inputs_of(rows, encoder)), encoder.transform(rows)
    assert np.isnan(wanted).any()
    assert np.abs(wanted[np.isfinite(wanted)]).max() > 100
    np.testing.assert_allclose(cells, wanted, rtol=3e-7, atol=1e-6)


def test_a_time_is_a_weekday_and_a_time_of_day_to_the_last_second() -> None:
    """Before 1970 and just before midnight too, where a division could be rounded up to the next day."""
    midnights = 86_400.0 * np.arange(-3_000_000, 3_000_000, 1234)
    around = [midnights, *(np.nextafter(midnights, end) for end in (-np.inf, np.inf))]
    seconds = np.concatenate([*around, [0.0, -1e-6, 1_767_571_200.5, np.nan]])
    whole = pd.Series(np.array([0, 86_400]).astype("datetime64[s]"))
    encoder = TableEncoder.fit(pd.DataFrame({"when": pd.concat([whole, whole + pd.Timedelta("30h")])}))
    cells = cells_of(encoder, {"when": seconds[:, None]})
    angle = 2 * np.pi * (seconds % 86_400) / 86_400
    wanted = encoder.numeric.transform(np.stack([np.sin(angle), np.cos(angle)], axis=1))
    np.testing.assert_allclose(cells[:, :2], wanted, rtol=1e-6, atol=1e-6)
    days = (np.floor_divide(seconds, 86_400) + 3) % 7
    assert cells[:-1, 2:].argmax(axis=1).tolist() == days[:-1].tolist()
    assert np.isnan(cells[-1]).all()


def test_infinite_times_are_missing() -> None:
    times = pd.to_datetime(["2026-01-05T00:00", "2026-01-06T12:00"])
    encoder = TableEncoder.fit(pd.DataFrame({"when": times}))
    assert np.isnan(cells_of(encoder, {"when": np.array([[np.inf], [-np.inf]])})).all()


@pytest.mark.parametrize("text", ["true", "FALSE", "tRuE", "1", "0.0", "1.0"])
def test_a_boolean_is_read_in_any_case(text: str) -> None:
    encoder = TableEncoder.fit(pd.DataFrame({"open": [True, False, True]}))
    cells = cells_of(encoder, {"open": np.array([[text], ["yes"], [""]], dtype=object)})
    np.testing.assert_array_equal(cells[0], encoder.transform(pd.DataFrame({"open": [text]}))[0])
    assert np.isnan(cells[1:]).all()


def test_a_constant_number_is_the_same_up_to_rounding() -> None:
    encoder = TableEncoder.fit(pd.DataFrame({"unit": [0.3, 0.3], "other": [1.0, 2.0]}))
    assert isinstance(encoder.readers[0], ConstantReader)
    values = np.array([0.3, 0.1 + 0.2, 0.31, np.inf, np.nan])
    wanted = encoder.transform(pd.DataFrame({"unit": values, "other": 1.0}))
    cells = cells_of(encoder, {"unit": values[:, None], "other": np.ones((5, 1))})
    np.testing.assert_array_equal(cells, wanted)
    assert len(np.unique(cells[:4], axis=0)) == 2


def test_columns_are_numbers_or_texts() -> None:
    """Dates are numbers of seconds; booleans are texts."""
    readers = [
        DatetimeReader("a", 0.0),
        ConstantReader("b", 1.0),
        ConstantReader("c", "x"),
        BooleanReader("d"),
    ]
    assert [is_read_as_number(reader) for reader in readers] == [True, True, False, False]
