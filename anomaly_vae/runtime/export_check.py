"""check_export: an exported model, run by ONNX Runtime, gives the results of its detector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import onnx
import pandas as pd
from numpy.typing import NDArray

from anomaly_vae.columns.cells import as_text, read_numbers, read_seconds
from anomaly_vae.columns.readers import DatetimeReader, Reader
from anomaly_vae.columns.table import TableEncoder
from anomaly_vae.errors import ExportError
from anomaly_vae.runtime.encoding import is_read_as_number
from anomaly_vae.runtime.export import OUTPUTS, FittedTable, input_names
from anomaly_vae.runtime.session import cpu_session
from anomaly_vae.tails import SeverityScale
from anomaly_vae.thresholds import conformal_p_values

Floats = NDArray[np.float64]

NATS, RELATIVE = 1e-4, 1e-6
"""A score may differ by this many nats, or by this share of it if that is more."""

LEARNED = 1e-4
"""The share for a detector that learned: it computes in single precision how alike rows are, the exported
model in double precision. Differences of 1e-5 were seen."""

SEVERITY = 1e-3
"""A severity may differ by this much, in addition to what the difference of the score explains."""

_UNKNOWN = "\N{REPLACEMENT CHARACTER} unknown"
_EXTREME = (1e300, -1e300, np.inf, -np.inf, 0.0)


class Results(NamedTuple):
    """The outputs of an exported model, by name."""

    score: Floats
    p_value: Floats
    severity: Floats
    is_anomaly: NDArray[np.bool_]
    contributions: Floats


def check_export(
    model: onnx.ModelProto,
    fitted: FittedTable,
    drawn: pd.DataFrame,
    score: Callable[[pd.DataFrame], Floats],
) -> None:
    """Raise ExportError unless a model gives the results of the detector that it was exported from.

    ``score`` gives the scores of the detector. They are compared for rows ``drawn`` from the model, in its
    columns, for the same rows with missing cells, and with unknown categories and extreme numbers.
    """
    rows = rows_to_compare(drawn, fitted.state.encoder)
    results = run_export(model, inputs_of(rows, fitted.state.encoder))
    wanted = score(rows)
    share = RELATIVE if fitted.correction is None else LEARNED
    slack = np.maximum(NATS, share * np.abs(wanted))
    _check("score", results.score, wanted - slack, wanted + slack)
    _check("sum of contributions", results.contributions.sum(axis=1), wanted - slack, wanted + slack)
    scores, offset = fitted.calibration.scores, fitted.calibration.offset
    low, high = (conformal_p_values(wanted + sign * slack, scores) for sign in (-1, 1))
    _check("p-value", results.p_value, low, high)
    severities = SeverityScale.fit(scores).severities
    low, high = severities(wanted + slack) - SEVERITY, severities(wanted - slack) + SEVERITY
    _check("severity", results.severity, low, high)
    low, high = (wanted + sign * slack < offset for sign in (1, -1))
    _check("decision", results.is_anomaly, low, high)


def rows_to_compare(drawn: pd.DataFrame, encoder: TableEncoder) -> pd.DataFrame:
    """The rows, the rows with a third of their cells missing, and with unknown texts and extreme numbers."""
    cells = drawn.astype(object)
    rows, columns = np.indices(cells.shape)
    strange = cells.copy()
    for position, reader in enumerate(encoder.readers):
        strange.isetitem(position, _strange(cells.iloc[:, position], reader))
    strange = strange.where((rows + columns) % 2 == 0, cells)
    return pd.concat([cells, cells.mask((rows + columns) % 3 == 0, None), strange], ignore_index=True)


def inputs_of(rows: pd.DataFrame, encoder: TableEncoder) -> dict[str, NDArray[Any]]:
    """The inputs of an exported model for a table in the columns of its detector."""
    named = zip(input_names(encoder), encoder.readers, strict=True)
    return {
        name: _cells(rows.iloc[:, position], reader)[:, None]
        for position, (name, reader) in enumerate(named)
        if name
    }


def run_export(model: onnx.ModelProto, inputs: dict[str, NDArray[Any]]) -> Results:
    """The results of an exported model."""
    return Results(*cpu_session(model).run(list(OUTPUTS), inputs))


def _cells(cells: pd.Series, reader: Reader) -> NDArray[Any]:
    if isinstance(reader, DatetimeReader):
        return read_seconds(cells, reader.name)
    if is_read_as_number(reader):
        return read_numbers(cells, reader.name)
    return as_text(cells).astype(object).where(cells.notna(), "").to_numpy()


def _strange(cells: pd.Series, reader: Reader) -> Any:
    """Cells that are unlike those of training; dates and booleans have none."""
    if reader.kind in ("datetime", "boolean"):
        return cells
    if is_read_as_number(reader):
        return np.resize(np.array(_EXTREME, dtype=object), len(cells))
    return _UNKNOWN


def _check(what: str, values: NDArray[Any], low: NDArray[Any], high: NDArray[Any]) -> None:
    """Raise ExportError at the first row whose value is not between two bounds."""
    wrong = np.flatnonzero(~((low <= values) & (values <= high)))
    if len(wrong):
        row = wrong[0]
        raise ExportError(
            f"the exported model was not written, because it gives another {what} than the detector: "
            f"{values[row]!s} in generated row {row}, wanted {low[row]!s} to {high[row]!s}; score with the "
            f"detector, and report this with the versions of onnx and onnxruntime"
        )
