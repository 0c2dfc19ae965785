"""Histogram: a ``ColumnHistogram`` as operators of an ONNX graph."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.runtime.members import Doubles, Member, Singles, Terms
from anomaly_vae.runtime.messages import INT32, INT64
from anomaly_vae.states.architecture import FAR_BREAK

_LEAST_FREQUENCY = 1e-6
_LEAST_WIDTH = 1e-12
_LEAST_DENSITY = 1e-38


class Histogram(Member):
    """Independent columns."""

    def add_to(self, terms: Terms, charge: bool) -> None:
        """Add all terms."""
        terms.absent += self.absent()
        if self.n:
            terms.numbers.append(self._numbers())
        if self.schema.category_widths:
            shares = np.maximum(self.weights["likelihood.frequencies"], _LEAST_FREQUENCY)
            logits = self.graph.node(
                "Add",
                self.graph.floats(np.log(shares)),
                self.graph.node("Mul", self.cells.hot, self.graph.floats(0.0)),
            )
            terms.categories.append(self.category_nats(logits, self.weight))

    def _numbers(self) -> str:
        """Weighted log of the density in steps, mixed with the broad density; 0 in padded columns."""
        graph, weights, number = self.graph, self.weights, self.cells.number
        share = 1.0 / (self.architecture.n_rows + 2.0)
        steps = np.exp(np.log1p(-share) + np.asarray(weights["log_density"], dtype=np.float64))
        table = np.pad(steps, ((0, self.n_wide - self.n), (0, 0)), constant_values=1.0).T
        density = graph.node("GatherElements", graph.floats(table), self._positions(), axis=0)
        scale = self._padded(weights["scale"], 1.0)
        distance = graph.node("Sub", number, graph.floats(self._padded(weights["location"], 0.0)))
        squares = graph.node("Div", distance, graph.floats(scale))
        squares = graph.node("Add", graph.node("Mul", squares, squares), graph.floats(1.0))
        broad = graph.node("Div", graph.floats(share / (math.pi * scale)), squares)
        both = graph.node("Add", density, broad)
        nats = graph.node("Log", graph.node("Max", both, graph.floats(_LEAST_DENSITY)))
        return graph.node("Mul", nats, graph.floats(self._padded(np.full(self.n, self.weight), 0.0)))

    def _padded(self, values: NDArray[Any], fill: float) -> Doubles:
        """Values of the numbers, with ``fill`` for the padded columns."""
        return np.pad(np.asarray(values, dtype=np.float64), (0, self.n_wide - self.n), constant_values=fill)

    def _positions(self) -> str:
        """The step of each number in its column, shape (n_rows, n_wide), 32-bit integers; any in padding."""
        graph, breaks = self.graph, np.asarray(self.weights["breaks"], dtype=np.float32)
        n_breaks, n_padding = breaks.shape[1], self.n_wide - self.n
        low, width, is_equal = equal_steps(breaks)
        low, width = np.pad(low, (0, n_padding)), np.pad(width, (0, n_padding), constant_values=1.0)
        is_equal = np.pad(is_equal, (0, n_padding), constant_values=True)
        breaks = np.pad(breaks, ((0, n_padding), (0, 0)))
        regular, others = np.flatnonzero(is_equal), np.flatnonzero(~is_equal)
        parts = []
        if len(regular):
            number = self._chosen(regular)
            offset = graph.node("Sub", number, graph.floats(low[regular]))
            steps = graph.node("Floor", graph.node("Div", offset, graph.floats(width[regular])))
            steps = graph.node("Add", steps, graph.floats(1.0))
            steps = graph.node("Clip", steps, graph.floats(0.0), graph.floats(n_breaks))
            parts.append(graph.node("Cast", steps, to=INT32))
        if len(others):
            found = self._search(self._chosen(others), breaks[others])
            parts.append(graph.node("Cast", found, to=INT32))
        if len(parts) == 1:
            return parts[0]
        joined, order = (
            graph.node("Concat", *parts, axis=1),
            np.argsort(np.r_[regular, others], kind="stable"),
        )
        return graph.node("Gather", joined, graph.integers(order), axis=1)

    def _chosen(self, columns: NDArray[np.int64]) -> str:
        if len(columns) == self.n_wide:
            return self.cells.number
        return self.graph.node("Gather", self.cells.number, self.graph.integers(columns), axis=1)

    def _search(self, number: str, breaks: Singles) -> str:
        """Number of breaks of each column that are not above a number, by binary search."""
        graph = self.graph
        n_steps = max(math.ceil(math.log2(breaks.shape[1] + 1)), 1)
        size = 2**n_steps
        padded = np.full((len(breaks), size), np.inf, dtype=np.float32)
        padded[:, : breaks.shape[1]] = breaks
        table, rows = graph.floats(padded.ravel()), np.arange(len(breaks), dtype=np.int64) * size
        found = ""
        for step in range(n_steps - 1, -1, -1):
            half = 2**step
            if not found:
                probes = graph.floats(padded[:, half - 1])
            else:
                position = graph.node("Add", found, graph.integers(rows + half - 1))
                probes = graph.node("Gather", table, position, axis=0)
            is_beyond = graph.node("Cast", graph.node("GreaterOrEqual", number, probes), to=INT64)
            gain = graph.node("Mul", is_beyond, graph.integers(half))
            found = graph.node("Add", found, gain) if found else gain
        return found


def equal_steps(breaks: Singles) -> tuple[Singles, Singles, NDArray[np.bool_]]:
    """First break and width of the steps of each column, and whether all its steps have that width."""
    n_used = (breaks < FAR_BREAK).sum(axis=1)
    low, last = breaks[:, 0], breaks[np.arange(len(breaks)), np.maximum(n_used - 1, 0)]
    n_steps = np.maximum(n_used - 1, 1).astype(np.float32)
    width = np.maximum((last - low) / n_steps, np.float32(_LEAST_WIDTH))
    is_used = np.arange(1, breaks.shape[1]) < n_used[:, None]
    differs = np.abs(np.diff(breaks, axis=1) - width[:, None]) > np.float32(1e-3) * width[:, None]
    return low, width, ~(differs & is_used).any(axis=1)
