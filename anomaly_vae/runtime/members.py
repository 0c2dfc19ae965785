"""Member: what all members have in common as operators of an ONNX graph, their input and their terms.

The formulas are those of ``anomaly_vae.nn``, which trains the members; tests compare the two. A member adds
its weighted terms to those of its ensemble.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.runtime.graph import Graph, wide
from anomaly_vae.runtime.messages import FLOAT
from anomaly_vae.schema import Schema
from anomaly_vae.states.architecture import MemberState

Singles = NDArray[np.float32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """Encoded rows in a graph, in the parts that members need.

    Numbers are padded with columns of zeros to ``n_wide``, a multiple of ``LANES``, so that products of them
    need no padding.

    Attributes
    ----------
    filled : str
        (n_rows, n_cells), or (n_rows, n_wide) if all cells are numbers; a missing cell is 0.
    number : str
        (n_rows, n_wide), the numbers; a missing one is 0.
    no_number : str
        (n_rows, n_wide), booleans: which numbers are missing.
    hot : str
        (n_rows, n_cells - n_numeric); 1 in the cell of the category of a row, else 0.
    no_category : str
        (n_rows, n_categories), booleans: which categories are missing.
    """

    filled: str
    number: str
    no_number: str
    hot: str
    no_category: str

    @classmethod
    def of(cls, graph: Graph, cells: str, schema: Schema) -> Cells:
        """The parts of the input ``cells`` (n_rows, n_cells), in which NaN is missing."""
        n, n_cells, zero = schema.n_numeric, schema.n_cells, graph.floats(0.0)
        number = no_number = ""
        if n:
            wide = graph.widened(cells if n == n_cells else graph.columns(cells, 0, n), n)
            no_number = graph.node("IsNaN", wide)
            number = graph.node("Where", no_number, zero, wide)
        if n == n_cells:
            return cls(number, number, no_number, "", "")
        is_nan = graph.node("IsNaN", cells)
        hot = graph.node("Greater", graph.columns(cells, n, n_cells), zero)
        first = [feature.span.start for feature in schema.features[n:]]
        return cls(
            graph.node("Where", is_nan, zero, cells),
            number,
            no_number,
            graph.node("Cast", hot, to=FLOAT),
            graph.node("Gather", is_nan, graph.integers(first), axis=1),
        )


@dataclass
class Terms:
    """Weighted terms of the bound of one ensemble; the sums are taken when all members are known.

    Attributes
    ----------
    numbers : list of str
        (n_rows, n_wide), in nats above ``peak``.
    categories : list of str
        (n_rows, n_categories), in nats.
    latent : list of str
        (n_rows, 1), double precision, in nats.
    charged : list of str
        (n_rows, n_wide), double precision: the part of ``latent`` that depends on the distance from the
        centre of a prior, divided among the numbers. Only if the graph computes contributions.
    absent : array of shape (n_features,)
        Nats of a missing value.
    peak : array of shape (n_numeric,)
        Nats of each number that do not depend on the row, unless it is missing.
    constant : float
        Nats of the latent terms that are equal for all rows.
    """

    absent: Doubles
    peak: Doubles
    numbers: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    latent: list[str] = field(default_factory=list)
    charged: list[str] = field(default_factory=list)
    constant: float = 0.0

    @classmethod
    def none(cls, schema: Schema) -> Terms:
        """No terms yet."""
        return cls(np.zeros(len(schema.features)), np.zeros(schema.n_numeric))


class Member:
    """What both kinds of member have: categories, missing values and a weight."""

    def __init__(self, graph: Graph, cells: Cells, schema: Schema, member: MemberState) -> None:
        self.graph, self.cells, self.schema = graph, cells, schema
        self.weights: Mapping[str, Any] = member.weights
        self.architecture, self.weight, self.draw = member.architecture, member.weight, member.draw
        self.n, self.n_wide = schema.n_numeric, wide(schema.n_numeric)

    def add_to(self, terms: Terms, charge: bool) -> None:
        """Add all terms."""
        raise NotImplementedError

    def absent(self) -> NDArray[np.float64]:
        """Weighted nats of missing values."""
        return self.weight * np.asarray(self.weights["likelihood.absent_log_prob"], dtype=np.float64)

    def category_nats(self, logits: str, scale: float) -> str:
        """``scale`` times the log of the smoothed probability of each category, (n_rows, n_categories).

        ``logits`` has shape (n_rows, n_cells - n_numeric).
        """
        graph, parts, start = self.graph, [], 0
        for width, group in groupby(self.schema.category_widths):
            n_spans = len(list(group))
            stop = start + width * n_spans
            shape = graph.integers([-1, width])
            shares = graph.node("Softmax", self._span(logits, start, stop, shape), axis=1)
            hot = graph.node("Mul", shares, self._span(self.cells.hot, start, stop, shape))
            chosen = graph.product(hot, np.ones((width, 1), dtype=np.float32))
            parts.append(
                self._smooth_log(graph.node("Reshape", chosen, graph.integers([-1, n_spans])), width)
            )
            start = stop
        nats = parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=1)
        return graph.node("Mul", nats, graph.floats(scale))

    def _span(self, x: str, start: int, stop: int, shape: str) -> str:
        return self.graph.node("Reshape", self.graph.columns(x, start, stop), shape)

    def _smooth_log(self, probability: str, width: int) -> str:
        """Log of the probability after one more row in each of ``width`` categories."""
        graph, n_rows = self.graph, self.architecture.n_rows
        more = graph.node("Add", graph.node("Mul", probability, graph.floats(n_rows)), graph.floats(1.0))
        return graph.node("Log", graph.node("Div", more, graph.floats(n_rows + width)))
