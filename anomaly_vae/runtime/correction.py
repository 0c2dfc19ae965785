"""add_correction: what was learned from verdicts, as operators of an ONNX graph.

The formulas are those of ``anomaly_vae.verdicts``. They are in double precision, for which ONNX Runtime has
no sinh, cosh and arcsinh: these are written as exponentials and logarithms.
"""

from __future__ import annotations

import numpy as np

from anomaly_vae.runtime.graph import Graph
from anomaly_vae.runtime.messages import DOUBLE, FLOAT
from anomaly_vae.states.verdicts import PlainCorrection

_FARTHEST = 1e150
"""Scores farther from the median, in spreads, are taken as this far: their squares are infinite. Scores of
networks in single precision are nearer."""

_LEAST_SHIFT = 1e-6
"""Below it, sinh(x) / x is 1 up to rounding."""


def add_correction(
    graph: Graph, score: str, contributions: str, cells: str, correction: PlainCorrection
) -> tuple[str, str]:
    """Corrected scores (n_rows,) and contributions (n_rows, n_columns + 2), those of like rows last.

    ``score`` and ``contributions`` are those without verdicts, in double precision; ``cells`` are the encoded
    rows, with NaN for missing ones.
    """
    features = _features(graph, contributions, cells, correction)
    terms = _terms(graph, features, correction)
    ones = np.ones((int(correction.owners.max()) + 2, 1))
    total = graph.product(terms, ones)
    nats = graph.node("Mul", _nats_per_logit(graph, score, total, correction), terms)
    padded = graph.node("Pad", contributions, graph.integers([0, 0, 0, 1]))
    change = graph.node("Squeeze", graph.product(nats, ones), graph.integers([1]))
    corrected = graph.node("Add", score, change)
    return corrected, graph.node("Add", padded, nats)


def _features(graph: Graph, contributions: str, cells: str, correction: PlainCorrection) -> str:
    """Standardised features, shape (n_rows, n_features), rounded to single precision as in the detector."""
    shortfalls = graph.node("Sub", graph.doubles(correction.typical), contributions)
    present = graph.node("Where", graph.node("IsNaN", cells), graph.floats(0.0), cells)
    values = graph.node("Concat", shortfalls, graph.node("Cast", present, to=DOUBLE), axis=1)
    size = graph.node("Add", graph.node("Abs", values), graph.doubles(1.0))
    logs = _single(graph, graph.node("Mul", graph.node("Sign", values), graph.node("Log", size)))
    centered = graph.node("Sub", logs, graph.doubles(correction.center))
    scaled = graph.node("Mul", centered, graph.doubles(correction.inverse))
    clipped = graph.node("Clip", scaled, graph.doubles(-correction.clip), graph.doubles(correction.clip))
    return _single(graph, clipped)


def _single(graph: Graph, x: str) -> str:
    """Doubles with the precision of single floats."""
    return graph.node("Cast", graph.node("Cast", x, to=FLOAT), to=DOUBLE)


def _terms(graph: Graph, features: str, correction: PlainCorrection) -> str:
    """Logits by column, and for rows like those that were judged, shape (n_rows, n_columns + 2)."""
    n_terms = int(correction.owners.max()) + 2
    slopes = np.zeros((len(correction.owners), n_terms))
    slopes[np.arange(len(slopes)), correction.owners] = correction.slopes
    judged = correction.judged.astype(np.float64)
    lengths = graph.product(graph.node("Mul", features, features), np.ones((len(slopes), 1)))
    sums = graph.node("Add", lengths, graph.doubles((judged * judged).sum(axis=1)))
    distances = graph.node("Sub", sums, graph.product(features, 2.0 * judged.T))
    distances = graph.node("Max", distances, graph.doubles(0.0))
    like = graph.node("Exp", graph.node("Mul", distances, graph.doubles(-1.0 / correction.width)))
    local = np.zeros((len(judged), n_terms))
    local[:, -1] = correction.local
    return graph.node("Add", graph.product(features, slopes), graph.product(like, local))


def _nats_per_logit(graph: Graph, score: str, total: str, correction: PlainCorrection) -> str:
    """Nats to add for each logit, shape (n_rows, 1): the slope of the score, with the bound of the change."""
    strangeness = _strangeness(graph, score, correction)
    allowed = _bounded(
        graph, graph.node("Mul", total, graph.doubles(1.0 / correction.rate)), strangeness, correction
    )
    half = graph.doubles(0.5)
    shift = graph.node("Mul", allowed, half)
    middle = graph.node("Add", strangeness, shift)
    twice_cosh = graph.node("Add", graph.node("Exp", middle), graph.node("Exp", graph.node("Neg", middle)))
    slope = graph.node("Mul", graph.node("Mul", twice_cosh, half), _sinhc(graph, shift))
    is_none = graph.node("Equal", total, graph.doubles(0.0))
    divisor = graph.node("Where", is_none, graph.doubles(1.0), total)
    share = graph.node(
        "Where", is_none, graph.doubles(1.0 / correction.rate), graph.node("Div", allowed, divisor)
    )
    return graph.node("Mul", graph.node("Mul", slope, share), graph.doubles(-correction.spread))


def _strangeness(graph: Graph, score: str, correction: PlainCorrection) -> str:
    """The arcsinh of the distance of scores below the median, in spreads, shape (n_rows, 1)."""
    below = graph.node("Sub", graph.doubles(correction.middle), score)
    below = graph.node("Unsqueeze", below, graph.integers([1]))
    below = graph.node("Mul", below, graph.doubles(1.0 / correction.spread))
    size = graph.node("Min", graph.node("Abs", below), graph.doubles(_FARTHEST))
    root = graph.node("Sqrt", graph.node("Add", graph.node("Mul", size, size), graph.doubles(1.0)))
    return graph.node("Mul", graph.node("Sign", below), graph.node("Log", graph.node("Add", size, root)))


def _bounded(graph: Graph, change: str, strangeness: str, correction: PlainCorrection) -> str:
    """The change of strangeness, with its bounds."""
    most, zero, change_bound = (graph.doubles(x) for x in (correction.most, 0.0, correction.most_change))
    upwards = graph.node("Max", graph.node("Sub", most, strangeness), zero)
    downwards = graph.node("Max", graph.node("Add", most, strangeness), zero)
    highest = graph.node("Min", upwards, change_bound)
    lowest = graph.node("Neg", graph.node("Min", downwards, change_bound))
    return graph.node("Max", graph.node("Min", change, highest), lowest)


def _sinhc(graph: Graph, x: str) -> str:
    """sinh(x) / x, 1 at 0."""
    is_small = graph.node("Less", graph.node("Abs", x), graph.doubles(_LEAST_SHIFT))
    divisor = graph.node("Where", is_small, graph.doubles(1.0), x)
    sinh = graph.node("Sub", graph.node("Exp", x), graph.node("Exp", graph.node("Neg", x)))
    ratio = graph.node("Div", graph.node("Mul", sinh, graph.doubles(0.5)), divisor)
    return graph.node("Where", is_small, graph.doubles(1.0), ratio)
