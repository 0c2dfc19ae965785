"""add_cells: raw columns to the encoded cells of a table, as operators of an ONNX graph.

The formulas are those of ``anomaly_vae.columns``; tests compare the two. Numbers are encoded in double
precision. A text cannot raise an error in a graph: a boolean that cannot be read is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, product

import numpy as np

from anomaly_vae.columns.categorical import MISSING, CategoryColumns
from anomaly_vae.columns.numeric import HUGE, LINEAR, NumericColumns
from anomaly_vae.columns.readers import (
    BOOLEANS,
    DAY,
    BooleanReader,
    CategoryReader,
    ConstantReader,
    DatetimeReader,
    NumberReader,
    OmittedReader,
    Reader,
)
from anomaly_vae.columns.table import TableEncoder
from anomaly_vae.runtime.graph import ML_DOMAIN, Graph
from anomaly_vae.runtime.messages import FLOAT, INT64

Read = tuple[list[str], list[str]]
"""Floats and codes of a column, each of shape (n_rows, 1); NaN and -1 where a cell is missing."""

_OTHER_THAN_A_CONSTANT = 1


def is_read_as_number(reader: Reader) -> bool:
    """Whether the cells of a column are numbers (or seconds since 1970), not texts."""
    return isinstance(reader, NumberReader | DatetimeReader) or (
        isinstance(reader, ConstantReader) and isinstance(reader.value, float)
    )


def add_cells(graph: Graph, encoder: TableEncoder, inputs: Sequence[str | None]) -> str:
    """Encoded cells, shape (n_rows, n_cells), 32-bit floats; NaN is missing.

    ``inputs`` has a tensor of shape (n_rows, 1) for each column, of doubles or texts
    (``is_read_as_number``), and None for a column that has neither features nor a missing flag.
    """
    floats, codes = [], []
    for reader, flagged, cells in zip(encoder.readers, encoder.flagged, inputs, strict=True):
        if cells is None:
            continue
        own_floats, own_codes = _read(graph, reader, cells)
        floats += own_floats
        codes += own_codes
        if flagged:
            codes.append(_flag(graph, cells, own_floats, own_codes))
    parts = [_numbers(graph, _joined(graph, floats), encoder.numeric)] if floats else []
    parts += _categories(graph, [codes[k] for k in encoder.order], encoder.categories)
    return _joined(graph, parts)


def _read(graph: Graph, reader: Reader, cells: str) -> Read:
    """What the reader of a column reads from its cells."""
    match reader:
        case NumberReader():
            return [cells], []
        case DatetimeReader():
            return _weekday_and_time(graph, cells)
        case ConstantReader(value=float(value)):
            return [], [_differs(graph, cells, value)]
        case ConstantReader(value=str(value)):
            return [], [_codes(graph, cells, {value: 0, "": MISSING}, _OTHER_THAN_A_CONSTANT)]
        case CategoryReader(categories=categories):
            known = {text: code for code, text in enumerate(categories)}
            return [], [_codes(graph, cells, known | {"": MISSING}, len(categories))]
        case BooleanReader():
            known = {text: code for word, code in BOOLEANS.items() for text in _in_any_case(word)}
            return [], [_codes(graph, cells, known, MISSING)]
        case OmittedReader():
            return [], []
    raise TypeError(f"no operators for a {type(reader).__name__}")


def _in_any_case(word: str) -> Iterator[str]:
    """The word in every mixture of upper and lower case."""
    letters = [sorted({letter.lower(), letter.upper()}) for letter in word]
    return ("".join(chosen) for chosen in product(*letters))


def _codes(graph: Graph, texts: str, known: Mapping[str, int], other: int) -> str:
    """The code of each text."""
    return graph.node(
        "LabelEncoder",
        texts,
        domain=ML_DOMAIN,
        keys_strings=list(known),
        values_int64s=list(known.values()),
        default_int64=other,
    )


def _flag(graph: Graph, cells: str, floats: list[str], codes: list[str]) -> str:
    """1 where a cell is missing, else 0."""
    if codes:
        is_missing = graph.node("Equal", codes[0], graph.integers(MISSING))
    elif floats:
        is_missing = graph.node("IsNaN", cells)
    else:
        return _codes(graph, cells, {"": 1}, 0)
    return graph.node("Cast", is_missing, to=INT64)


def _differs(graph: Graph, numbers: str, value: float) -> str:
    """The code of a column with one number: whether a cell differs from it by more than rounding."""
    distance = graph.node("Abs", graph.node("Sub", numbers, graph.doubles(value)))
    is_same = graph.node("LessOrEqual", distance, graph.doubles(1e-15 * abs(value)))
    code = graph.node("Where", is_same, graph.integers(0), graph.integers(_OTHER_THAN_A_CONSTANT))
    return graph.node("Where", graph.node("IsNaN", numbers), graph.integers(MISSING), code)


def _weekday_and_time(graph: Graph, seconds: str) -> Read:
    """Sine and cosine of the time of day, and the weekday; infinite seconds are missing."""
    zero = graph.node("Mul", seconds, graph.doubles(0.0))  # NaN if infinite
    seconds = graph.node("Add", seconds, zero)
    days, rest = _divided(graph, seconds, DAY)
    _, weekday = _divided(graph, graph.node("Add", days, graph.doubles(3.0)), 7.0)
    angle = graph.node("Div", graph.node("Mul", rest, graph.doubles(2.0 * np.pi)), graph.doubles(DAY))
    sine = graph.node("Sin", angle)
    # Early versions of ONNX Runtime have no cosine in double precision.
    cosine = graph.node("Sin", graph.node("Add", angle, graph.doubles(np.pi / 2.0)))
    is_missing = graph.node("IsNaN", seconds)
    present = graph.node("Where", is_missing, graph.doubles(0.0), weekday)
    code = graph.node("Where", is_missing, graph.integers(MISSING), graph.node("Cast", present, to=INT64))
    return [sine, cosine], [code]


def _divided(graph: Graph, x: str, divisor: float) -> tuple[str, str]:
    """Quotient, a whole number, and remainder, which is not negative; exact for seconds of 10,000 years."""
    quotient = graph.node("Floor", graph.node("Div", x, graph.doubles(divisor)))
    return quotient, graph.node("Sub", x, graph.node("Mul", quotient, graph.doubles(divisor)))


def _numbers(graph: Graph, values: str, numeric: NumericColumns) -> str:
    """Cells of numbers (n_rows, n_numeric), as ``NumericColumns.transform`` computes them."""
    centred = graph.node("Sub", _logged(graph, values, numeric), graph.doubles(numeric.center))
    cells = _clipped(graph, graph.node("Div", centred, graph.doubles(numeric.scale)), HUGE)
    beyond = graph.node("Sub", graph.node("Abs", cells), graph.doubles(LINEAR))
    growth = _log1p(graph, graph.node("Max", beyond, graph.doubles(0.0)))
    signed = graph.node("Mul", graph.node("Sign", cells), growth)
    squashed = graph.node("Add", _clipped(graph, cells, LINEAR), signed)
    # The result of Max and Clip for NaN differs between runtimes.
    squashed = graph.node("Where", graph.node("IsNaN", values), graph.doubles(np.nan), squashed)
    return graph.node("Cast", squashed, to=FLOAT)


def _logged(graph: Graph, values: str, numeric: NumericColumns) -> str:
    """The signed logarithm of the columns that have one, and the other columns unchanged."""
    if not numeric.is_logged.any():
        return values
    clipped = _clipped(graph, values, HUGE)
    unit = graph.doubles(np.where(numeric.is_logged, numeric.unit, 1.0))
    size = _log1p(graph, graph.node("Div", graph.node("Abs", clipped), unit))
    logged = graph.node("Mul", graph.node("Sign", clipped), size)
    return graph.node("Where", graph.constant(numeric.is_logged), logged, values)


def _clipped(graph: Graph, x: str, bound: float) -> str:
    return graph.node("Clip", x, graph.doubles(-bound), graph.doubles(bound))


def _log1p(graph: Graph, x: str) -> str:
    return graph.node("Log", graph.node("Add", x, graph.doubles(1.0)))


def _categories(graph: Graph, codes: Sequence[str], categories: CategoryColumns) -> Iterator[str]:
    """Cells of codes, ordered by width: one tensor (n_rows, n_features * width) for each width."""
    hot = (1.0 - categories.frequencies) / categories.scale
    cold = -categories.frequencies / categories.scale
    first = start = 0
    for width, group in groupby(categories.widths):
        n_features = len(list(group))
        shape, stop = (n_features, width), start + n_features * width
        joined = _joined(graph, codes[first : first + n_features])
        code = graph.node("Unsqueeze", joined, graph.integers([2]))
        is_hot = graph.node("Equal", code, graph.integers(np.arange(width)))
        values = hot[start:stop].reshape(shape), cold[start:stop].reshape(shape)
        cells = graph.node("Where", is_hot, *map(graph.floats, values))
        is_missing = graph.node("Equal", code, graph.integers(MISSING))
        cells = graph.node("Where", is_missing, graph.floats(np.nan), cells)
        yield graph.node("Reshape", cells, graph.integers([0, n_features * width]))
        first, start = first + n_features, stop


def _joined(graph: Graph, columns: Sequence[str]) -> str:
    return columns[0] if len(columns) == 1 else graph.node("Concat", *columns, axis=1)
