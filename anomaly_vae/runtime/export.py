"""export_model: raw columns to scores, decisions and contributions, as one ONNX model with metadata."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from anomaly_vae._version import __version__
from anomaly_vae.bounded_json import is_writable
from anomaly_vae.columns.readers import CategoryReader, ConstantReader, OmittedReader, Reader
from anomaly_vae.columns.table import TableEncoder
from anomaly_vae.errors import InputError
from anomaly_vae.runtime.bounds import add_contributions
from anomaly_vae.runtime.calibration import Calibration, add_decisions
from anomaly_vae.runtime.correction import add_correction
from anomaly_vae.runtime.encoding import add_cells, is_read_as_number
from anomaly_vae.runtime.graph import Graph
from anomaly_vae.runtime.messages import tensor
from anomaly_vae.states.table import TableState
from anomaly_vae.states.verdicts import PlainCorrection

EXPORT_FORMAT = 1
"""Format of the inputs, outputs and metadata of an exported model."""

OUTPUTS = ("score", "p_value", "severity", "is_anomaly", "contributions")
"""Names of the outputs; none of them can be the name of an input."""

_DOC = (
    "Anomaly scores of table rows. Each input has shape (n_rows, 1): numbers (NaN is missing), texts (an "
    "empty text is missing), or dates as seconds since 1970-01-01 in local time (NaN is missing). The score "
    "is in nats, higher is more normal; contributions sum to it, and the metadata name them."
)


@dataclass(frozen=True)
class FittedTable:
    """A fitted detector of tables as plain values.

    Attributes
    ----------
    state : TableState
        The encoder and the weights.
    calibration : Calibration
        Scores of the calibration rows, and the threshold.
    typical_contributions : array of shape (n_contributions,)
        Medians over held-out rows, in nats.
    contribution_names : list of str
        What the contributions are of: the columns, the latent space, and judged rows if it learned.
    false_alarm_rate : float or None
        The rate that the threshold was set by.
    tail : str or None
        The basis of that rate: "empirical" or "gpd".
    correction : PlainCorrection or None
        What was learned from verdicts.
    """

    state: TableState
    calibration: Calibration
    typical_contributions: NDArray[np.float64]
    contribution_names: Sequence[str]
    false_alarm_rate: float | None = None
    tail: str | None = None
    correction: PlainCorrection | None = None


def export_model(fitted: FittedTable) -> onnx.ModelProto:
    """The model, with one input for each column that it reads (``input_names``) and ``OUTPUTS``.

    Raises InputError for a category that is an empty text, which is a missing cell in an exported model, and
    for texts that are not valid Unicode.
    """
    encoder = fitted.state.encoder
    _check_texts(encoder.readers)
    names = input_names(encoder)
    graph = Graph(_free_prefix([name for name in names if name]), is_portable=True)
    inputs = [
        tensor(name, np.float64 if is_read_as_number(reader) else np.str_, "n_rows", 1)
        for name, reader in zip(names, encoder.readers, strict=True)
        if name
    ]
    results = _add_results(graph, add_cells(graph, encoder, names), fitted)
    model = graph.model(
        inputs,
        _outputs(results, len(fitted.contribution_names)),
        producer_version=__version__,
        doc=_DOC,
        metadata={name: json.dumps(value) for name, value in _metadata(fitted).items()},
    )
    onnx.checker.check_model(model)
    return model


def input_names(encoder: TableEncoder) -> list[str | None]:
    """The name of the input of each column: that of the column; None for a column that is not read.

    These are columns that are left out of the model and have no missing flag. An empty name, and that of an
    output, get the ending ``_in``.
    """
    taken = {*OUTPUTS, "", *(reader.name for reader in encoder.readers)}
    names: list[str | None] = []
    for reader, flagged in zip(encoder.readers, encoder.flagged, strict=True):
        is_read = flagged or not isinstance(reader, OmittedReader)
        names.append(_free_name(reader.name, taken) if is_read else None)
    return names


def describe_columns(encoder: TableEncoder) -> list[dict[str, str | None]]:
    """Name, kind, input and its type ("double" or "string") of each column; None if it has no input."""
    return [
        {"name": column.name, "kind": column.kind, "input": name, "type": _type(reader) if name else None}
        for column, reader, name in zip(
            encoder.schema.columns, encoder.readers, input_names(encoder), strict=True
        )
    ]


def _free_name(name: str, taken: set[str]) -> str:
    """The name, or one that is not taken."""
    if name and name not in OUTPUTS:
        return name
    while name in taken:
        name += "_in"
    taken.add(name)
    return name


def _free_prefix(names: Sequence[str]) -> str:
    """A prefix that no name has."""
    prefix = "/"
    while any(name.startswith(prefix) for name in names):
        prefix += "/"
    return prefix


def _add_results(graph: Graph, cells: str, fitted: FittedTable) -> list[str]:
    """The tensors of ``OUTPUTS``."""
    state = fitted.state
    bounds, contributions = add_contributions(
        graph, cells, state.schema, state.ensembles, divide_all=state.divide_all
    )
    score = graph.node("ReduceMax", bounds, axes=[1], keepdims=0)
    if fitted.correction is not None:
        score, contributions = add_correction(graph, score, contributions, cells, fitted.correction)
    return [score, *add_decisions(graph, score, fitted.calibration), contributions]


def _outputs(results: Sequence[str], n_contributions: int) -> list[tuple[str, onnx.ValueInfoProto]]:
    kinds = [np.float64, np.float64, np.float64, np.bool_, np.float64]
    shapes: list[tuple[int | str, ...]] = [*[("n_rows",)] * 4, ("n_rows", n_contributions)]
    described = [tensor(name, kind, *shape) for name, kind, shape in zip(OUTPUTS, kinds, shapes, strict=True)]
    return list(zip(results, described, strict=True))


def _metadata(fitted: FittedTable) -> dict[str, Any]:
    """Values by name, JSON-serialisable."""
    return {
        "format": EXPORT_FORMAT,
        "anomaly_vae_version": __version__,
        "columns": describe_columns(fitted.state.encoder),
        "threshold": fitted.calibration.offset,
        "false_alarm_rate": fitted.false_alarm_rate,
        "tail": fitted.tail,
        "n_calibration": len(fitted.calibration.scores),
        "contributions": list(fitted.contribution_names),
        "typical_contributions": fitted.typical_contributions.tolist(),
    }


def _type(reader: Reader) -> str:
    return "double" if is_read_as_number(reader) else "string"


def _check_texts(readers: Sequence[Reader]) -> None:
    """Raise InputError for texts that an ONNX model cannot hold or would read in another way."""
    for reader in readers:
        texts = _known_texts(reader)
        if "" in texts:
            raise InputError(
                f"column {reader.name!r} has empty texts, which an exported model reads as missing; replace "
                f"them by None, or by a word, and fit again"
            )
        if not all(map(is_writable, [reader.name, *texts])):
            raise InputError(
                f"column {reader.name!r} has a name or a text that is not valid Unicode; replace it and fit "
                f"again"
            )


def _known_texts(reader: Reader) -> Sequence[str]:
    if isinstance(reader, CategoryReader):
        return reader.categories
    return [reader.value] if isinstance(reader, ConstantReader) and isinstance(reader.value, str) else []
