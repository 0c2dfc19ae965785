"""add_decisions: scores to p-values, severities and decisions, as operators of an ONNX graph.

The formulas are those of ``anomaly_vae.thresholds`` and ``anomaly_vae.tails``, in double precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.runtime.graph import Graph
from anomaly_vae.tails import MAX_SEVERITY, LowerTail, SeverityScale
from anomaly_vae.thresholds import conformal_p_values

Floats = NDArray[np.float64]

_LEAST_SHAPE = 1e-9
"""A tail of a smaller shape is taken as exponential: the two differ less than by rounding."""


@dataclass(frozen=True)
class Calibration:
    """What decisions are made from.

    Attributes
    ----------
    scores : array of shape (n_calibration,)
        Scores of the calibration rows in nats, ascending.
    offset : float
        Scores below it are anomalous, in nats.
    """

    scores: Floats
    offset: float


class Decisions(NamedTuple):
    """Names of tensors of shape (n_rows,): doubles, and booleans."""

    p_value: str
    severity: str
    is_anomaly: str


def add_decisions(graph: Graph, score: str, calibration: Calibration) -> Decisions:
    """The decisions for scores of shape (n_rows,), in nats and double precision."""
    scale = SeverityScale.fit(calibration.scores)
    position = _n_at_most(graph, score, scale.scores)
    steps = np.concatenate([[-np.inf], scale.scores])
    p_values = conformal_p_values(steps, calibration.scores)
    p_value = graph.node("Gather", graph.doubles(p_values), position)
    log_p = graph.node("Add", _interpolated(graph, score, position, scale), _below(graph, score, scale.tail))
    decibels = graph.node("Mul", log_p, graph.doubles(10.0 / math.log(10.0)))
    # A difference, because the negative of 0 is -0.
    severity = graph.node("Sub", graph.doubles(0.0), decibels)
    severity = graph.node("Clip", severity, graph.doubles(0.0), graph.doubles(MAX_SEVERITY))
    return Decisions(p_value, severity, graph.node("Less", score, graph.doubles(calibration.offset)))


def _n_at_most(graph: Graph, x: str, steps: Floats) -> str:
    """How many of the ascending steps are at most x, by bisection: memory does not grow with their number."""
    n_bits = len(steps).bit_length()
    padded = graph.doubles(np.pad(steps, (0, 2**n_bits - 1 - len(steps)), constant_values=np.inf))
    found = graph.integers(0)
    for bit in reversed(range(n_bits)):
        last = graph.node("Add", found, graph.integers(2**bit - 1))
        is_at_most = graph.node("LessOrEqual", graph.node("Gather", padded, last), x)
        found = graph.node("Where", is_at_most, graph.node("Add", last, graph.integers(1)), found)
    return found


def _interpolated(graph: Graph, score: str, position: str, scale: SeverityScale) -> str:
    """The log of the p-value between calibration scores; constant beyond them."""
    x, y = scale.scores, scale.log_p
    slopes = np.concatenate([[0.0], np.diff(y) / np.diff(x), [0.0]])
    starts, values = (np.concatenate([ends[:1], ends]) for ends in (x, y))
    slope, start, value = (
        graph.node("Gather", graph.doubles(table), position) for table in (slopes, starts, values)
    )
    return graph.node("Add", graph.node("Mul", slope, graph.node("Sub", score, start)), value)


def _below(graph: Graph, score: str, tail: LowerTail) -> str:
    """The log of the share of the tail that is beyond a score; 0 above the lowest calibration score.

    ``LowerTail.log_sf`` as operators: a mixture of generalised Pareto distributions.
    """
    has_weight = tail.weights > 0.0
    shapes, scales = tail.shapes[has_weight], tail.scales[has_weight]
    zero, one = graph.doubles(0.0), graph.doubles(1.0)
    distance = graph.node("Max", graph.node("Sub", graph.doubles(tail.lowest), score), zero)
    distance = graph.node("Unsqueeze", distance, graph.integers([1]))
    scaled = graph.node("Div", distance, graph.doubles(scales))
    bent = graph.node("Log", graph.node("Add", graph.node("Mul", scaled, graph.doubles(shapes)), one))
    is_exponential = shapes < _LEAST_SHAPE
    bent = graph.node("Div", bent, graph.doubles(np.where(is_exponential, 1.0, shapes)))
    log_sf = graph.node("Neg", graph.node("Where", graph.constant(is_exponential), scaled, bent))
    weighted = graph.node("Add", log_sf, graph.doubles(np.log(tail.weights[has_weight])))
    return graph.node("ReduceLogSumExp", weighted, axes=[1], keepdims=0)
