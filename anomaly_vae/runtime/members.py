"""Each kind of member as operators of an ONNX graph, from its weights.

The formulas are those of ``anomaly_vae.nn``, which trains the members; tests compare the two. A member adds
its weighted terms to those of its ensemble.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.runtime.graph import LANES, Graph
from anomaly_vae.runtime.messages import DOUBLE, FLOAT, INT64
from anomaly_vae.schema import Schema
from anomaly_vae.states.architecture import FAR_BREAK, LOG_VARIANCE_RANGE, MemberState

Singles = NDArray[np.float32]

_LEAST_FREQUENCY = 1e-6
_LEAST_WIDTH = 1e-12
_LEAST_DENSITY = 1e-38
_LEAST_SQUARE = 1e-300


@dataclass(frozen=True)
class Cells:
    """Encoded rows in a graph, in the parts that members need.

    Attributes
    ----------
    filled : str
        (n_rows, n_cells); a missing cell is 0.
    number : str
        (n_rows, n_numeric), the numeric cells of ``filled``.
    hot : str
        (n_rows, n_cells - n_numeric); 1 in the cell of the category of a row, else 0.
    is_missing : str
        (n_rows, n_features), booleans.
    """

    filled: str
    number: str
    hot: str
    is_missing: str

    @classmethod
    def of(cls, graph: Graph, cells: str, schema: Schema) -> Cells:
        """The parts of the input ``cells`` (n_rows, n_cells), in which NaN is missing."""
        n, n_cells = schema.n_numeric, schema.n_cells
        is_nan = graph.node("IsNaN", cells)
        filled = graph.node("Where", is_nan, graph.floats(0.0), cells)
        if n == n_cells:
            return cls(filled, filled, "", is_nan)
        hot = graph.node("Greater", graph.columns(cells, n, n_cells), graph.floats(0.0))
        first = [feature.span.start for feature in schema.features]
        return cls(
            filled,
            graph.columns(filled, 0, n) if n else "",
            graph.node("Cast", hot, to=FLOAT),
            graph.node("Gather", is_nan, graph.integers(first), axis=1),
        )


@dataclass
class Terms:
    """Weighted terms of the bound of one ensemble; the sums are taken when all members are known.

    Attributes
    ----------
    numbers, categories : list of str
        (n_rows, n_numeric) and (n_rows, n_categories), in nats.
    absent : array of shape (n_features,)
        Nats of a missing value.
    latent : list of str
        (n_rows, 1), double precision, in nats.
    charged : list of str
        (n_rows, n_numeric): the part of ``latent`` that depends on the distance from the centre of a prior,
        divided among the numbers. Only if the graph computes contributions.
    constant : float
        Nats of the latent terms that are equal for all rows.
    """

    n_features: int
    numbers: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    latent: list[str] = field(default_factory=list)
    charged: list[str] = field(default_factory=list)
    constant: float = 0.0

    def __post_init__(self) -> None:
        self.absent = np.zeros(self.n_features)


def add_member(
    graph: Graph, cells: Cells, schema: Schema, member: MemberState, terms: Terms, *, charge: bool
) -> None:
    """Add the weighted terms of a member to those of its ensemble.

    With ``charge`` the cost of the distance from the centre of the prior is also divided among the numbers.
    """
    builder = _Histogram if member.architecture.n_breaks else Network
    builder(graph, cells, schema, member).add_to(terms, charge)


class _Member:
    """What both kinds of member have: categories, missing values and a weight."""

    def __init__(self, graph: Graph, cells: Cells, schema: Schema, member: MemberState) -> None:
        self.graph, self.cells, self.schema = graph, cells, schema
        self.weights: Mapping[str, Any] = member.weights
        self.architecture, self.weight, self.draw = member.architecture, member.weight, member.draw
        self.n = schema.n_numeric

    def add_to(self, terms: Terms, charge: bool) -> None:
        """Add all terms."""
        raise NotImplementedError

    def weighted(self, x: str) -> str:
        """The tensor times the weight of the member."""
        return self.graph.node("Mul", x, self.graph.floats(self.weight))

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


class _Histogram(_Member):
    """A ``ColumnHistogram``."""

    def add_to(self, terms: Terms, charge: bool) -> None:
        terms.absent += self.absent()
        if self.n:
            terms.numbers.append(self.weighted(self._numbers()))
        if self.schema.category_widths:
            shares = np.maximum(self.weights["likelihood.frequencies"], _LEAST_FREQUENCY)
            logits = self.graph.node(
                "Add",
                self.graph.floats(np.log(shares)),
                self.graph.node("Mul", self.cells.hot, self.graph.floats(0.0)),
            )
            terms.categories.append(self.category_nats(logits, self.weight))

    def _numbers(self) -> str:
        """Log of the density in steps, mixed with the broad density."""
        graph, weights, number = self.graph, self.weights, self.cells.number
        share = 1.0 / (self.architecture.n_rows + 2.0)
        steps = np.exp(np.log1p(-share) + np.asarray(weights["log_density"], dtype=np.float64))
        density = graph.node("Gather", graph.floats(steps.ravel()), self._positions(), axis=0)
        scale = np.asarray(weights["scale"], dtype=np.float64)
        distance = graph.node("Sub", number, graph.floats(weights["location"]))
        squares = graph.node("Div", distance, graph.floats(scale))
        squares = graph.node("Add", graph.node("Mul", squares, squares), graph.floats(1.0))
        broad = graph.node("Div", graph.floats(share / (math.pi * scale)), squares)
        both = graph.node("Add", density, broad)
        return graph.node("Log", graph.node("Max", both, graph.floats(_LEAST_DENSITY)))

    def _positions(self) -> str:
        """Positions of the steps of numbers in the densities of all columns, shape (n_rows, n_numeric)."""
        graph, breaks = self.graph, np.asarray(self.weights["breaks"], dtype=np.float32)
        n_breaks = breaks.shape[1]
        first = np.arange(len(breaks), dtype=np.int64) * (n_breaks + 1)
        low, width, is_equal = equal_steps(breaks)
        regular, others = np.flatnonzero(is_equal), np.flatnonzero(~is_equal)
        parts = []
        if len(regular):
            number = self._chosen(regular)
            offset = graph.node("Sub", number, graph.floats(low[regular]))
            steps = graph.node("Floor", graph.node("Div", offset, graph.floats(width[regular])))
            steps = graph.node("Add", steps, graph.floats(1.0))
            steps = graph.node("Clip", steps, graph.floats(0.0), graph.floats(n_breaks))
            parts.append(
                graph.node("Add", graph.node("Cast", steps, to=INT64), graph.integers(first[regular]))
            )
        if len(others):
            found = self._search(self._chosen(others), breaks[others])
            parts.append(graph.node("Add", found, graph.integers(first[others])))
        if len(parts) == 1:
            return parts[0]
        joined, order = (
            graph.node("Concat", *parts, axis=1),
            np.argsort(np.r_[regular, others], kind="stable"),
        )
        return graph.node("Gather", joined, graph.integers(order), axis=1)

    def _chosen(self, columns: NDArray[np.int64]) -> str:
        if len(columns) == self.n:
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
    one = np.float32(1.0)
    n_used = (breaks < FAR_BREAK).sum(axis=1)
    low, last = breaks[:, 0], breaks[np.arange(len(breaks)), np.maximum(n_used - 1, 0)]
    n_steps = np.maximum(n_used - 1, 1).astype(np.float32)
    width = np.maximum((last - low) / n_steps, np.float32(_LEAST_WIDTH)) * one
    is_used = np.arange(1, breaks.shape[1]) < n_used[:, None]
    differs = np.abs(np.diff(breaks, axis=1) - width[:, None]) > np.float32(1e-3) * width[:, None]
    return low, width, ~(differs & is_used).any(axis=1)


class Network(_Member):
    """A ``VAE``, linear or with hidden layers, with either prior."""

    def __init__(self, graph: Graph, cells: Cells, schema: Schema, member: MemberState) -> None:
        super().__init__(graph, cells, schema, member)
        noise = np.asarray(self.weights["likelihood.log_noise"], dtype=np.float32)
        floor = self.architecture.noise_floor
        self.variance = np.float32(floor**2) + np.exp(np.float32(2.0) * noise)
        self.latent_dim = self.architecture.latent_dim

    def add_to(self, terms: Terms, charge: bool) -> None:
        """Add all terms."""
        graph, n = self.graph, self.n
        mean, log_var = self._encode()
        terms.absent += self.absent()
        self._add_latent(mean, log_var, terms, charge)
        weight = np.asarray(self.weights["decoder.weight"], dtype=np.float32)[:, :n]
        excess = self._excess(log_var, weight)
        if not self.architecture.hidden_sizes and not self.schema.category_widths:
            location = self.decode(mean)
            distance = self._squared(location)
            terms.numbers.append(self._noise(graph.node("Add", distance, excess)))
            return
        step = graph.node("Mul", self._standard_deviation(log_var), graph.floats(self.draw))
        ends = graph.node("Concat", graph.node("Add", mean, step), graph.node("Sub", mean, step), axis=0)
        above, below = graph.nodes("Split", 2, self.decode(ends), axis=0)
        if n:
            own = graph.product(step, weight)
            excess = graph.node("Sub", excess, graph.node("Mul", own, own))
            squares = [self._squared(self._numeric(end)) for end in (above, below)]
            distance = graph.node("Mul", graph.node("Add", *squares), graph.floats(0.5))
            distance = graph.node("Max", graph.node("Add", distance, excess), graph.floats(0.0))
            terms.numbers.append(self._noise(distance))
        if self.schema.category_widths:
            half = 0.5 * self.weight
            terms.categories += [self.category_nats(self._logits(end), half) for end in (above, below)]

    def encode(self) -> str:
        """Posterior means of the latents of the cells, (n_rows, latent_dim)."""
        return self._encode()[0]

    def _encode(self) -> tuple[str, str | Singles]:
        """Mean and log variance of the latents; the latter is an array if it is equal for all rows."""
        graph, k, weights = self.graph, self.latent_dim, self.weights
        weight, bias = (np.asarray(weights[f"encoder.{name}"]) for name in ("weight", "bias"))
        low, high = LOG_VARIANCE_RANGE
        if not self.architecture.hidden_sizes and not weight[:, k:].any():
            mean = graph.affine(self.cells.filled, weight[:, :k], bias[:k])
            return mean, np.clip(bias[k:], np.float32(low), np.float32(high))
        code = self._residual("encoder", self.cells.filled)
        mean, log_var = graph.columns(code, 0, k), graph.columns(code, k, 2 * k)
        return mean, graph.node("Clip", log_var, graph.floats(low), graph.floats(high))

    def decode(self, z: str) -> str:
        """Expected numbers and logits of latents, (n_rows, n_cells)."""
        return self._residual("decoder", z)

    def _residual(self, name: str, x: str) -> str:
        """A ``ResidualMLP``."""
        graph, weights = self.graph, self.weights
        result = graph.affine(x, weights[f"{name}.weight"], weights[f"{name}.bias"])
        n_layers = len(self.architecture.hidden_sizes) + 1 if self.architecture.hidden_sizes else 0
        for i in range(n_layers):
            if i:
                x = graph.node("Mul", x, graph.node("Sigmoid", x))
            layer = f"{name}.residual.{2 * i}"
            x = graph.affine(x, np.asarray(weights[f"{layer}.weight"]).T, weights[f"{layer}.bias"])
        return graph.node("Add", result, x) if n_layers else result

    def _standard_deviation(self, log_var: str | Singles) -> str:
        if isinstance(log_var, str):
            return self.graph.node("Sqrt", self.graph.node("Exp", log_var))
        return self.graph.floats(np.sqrt(np.exp(log_var))[None])

    def _excess(self, log_var: str | Singles, weight: Singles) -> str:
        """Variance of the location of each number along the linear path."""
        if isinstance(log_var, str):
            return self.graph.product(self.graph.node("Exp", log_var), np.square(weight))
        return self.graph.floats(np.exp(log_var)[None] @ np.square(weight))

    def _squared(self, location: str) -> str:
        """Squared distance of numbers from their location."""
        difference = self.graph.node("Sub", self.cells.number, location)
        return self.graph.node("Mul", difference, difference)

    def _numeric(self, location: str) -> str:
        return self.graph.columns(location, 0, self.n) if self.schema.category_widths else location

    def _logits(self, location: str) -> str:
        return self.graph.columns(location, self.n, self.schema.n_cells) if self.n else location

    def _noise(self, distance: str) -> str:
        """Weighted nats at a squared distance: Gaussian or Student-t noise."""
        graph, weight = self.graph, self.weight
        variance, degrees = self.variance.astype(np.float64), self.architecture.degrees_of_freedom
        if math.isinf(degrees):
            peak = -0.5 * (np.log(variance) + math.log(2.0 * math.pi))
            fall = graph.node("Mul", distance, graph.floats(-0.5 * weight / variance))
        else:
            half = 0.5 * (degrees + 1.0)
            peak = math.lgamma(half) - math.lgamma(0.5 * degrees)
            peak = peak - 0.5 * (np.log(variance) + math.log(degrees * math.pi))
            ratio = graph.node("Mul", distance, graph.floats(1.0 / (degrees * variance)))
            log = graph.node("Log", graph.node("Add", ratio, graph.floats(1.0)))
            fall = graph.node("Mul", log, graph.floats(-half * weight))
        return graph.node("Add", fall, graph.floats(weight * peak))

    def _add_latent(self, mean: str, log_var: str | Singles, terms: Terms, charge: bool) -> None:
        """Add the latent term: E_q[log p(z)] + H(q), or a lower bound on it."""
        if "prior.exemplars" in self.weights:
            centre, cost = self._nearest(mean, log_var, terms, charge)
        else:
            centre, cost = self._origin(mean, log_var, terms)
        terms.latent.append(cost)
        if charge and self.n:
            terms.charged.append(self._charged(mean, centre, cost))

    def _origin(self, mean: str, log_var: str | Singles, terms: Terms) -> tuple[str, str]:
        """The centre of N(0, I), and the weighted cost of the distance from it."""
        graph, k = self.graph, self.latent_dim
        self._add_entropy(log_var, np.ones(k), terms)
        squares = graph.row_sums(graph.node("Mul", mean, mean), np.ones(k))
        return graph.floats(np.zeros((1, k))), self._scaled(squares, -0.5 * self.weight)

    def _nearest(self, mean: str, log_var: str | Singles, terms: Terms, charge: bool) -> tuple[str, str]:
        """The nearest exemplar if ``charge``, and the weighted cost of the distance from it.

        A code is divided by the standard deviations of the prior, and has a 1 appended that multiplies the
        offset of each exemplar.
        """
        graph, k = self.graph, self.latent_dim
        exemplars = np.asarray(self.weights["prior.exemplars"], dtype=np.float32)
        variance = np.asarray(self.weights["prior.variance"], dtype=np.float32)
        self._add_entropy(log_var, variance, terms)
        terms.constant -= self.weight * math.log(len(exemplars))
        deviation = np.sqrt(variance)
        width = -(-(k + 1) // LANES) * LANES
        scale, one = np.zeros((k, width), dtype=np.float32), np.zeros(width, dtype=np.float32)
        scale[:, :k], one[k] = np.diag(np.float32(1.0) / deviation), 1.0
        codes = graph.affine(mean, scale, one)
        factors = np.zeros((width, len(exemplars)), dtype=np.float32)
        points = exemplars / deviation
        factors[:k], factors[k] = points.T, -0.5 * np.square(points).sum(axis=1)
        closeness = graph.product(codes, factors)
        nearest = graph.node("ReduceMax", closeness, axes=[1], keepdims=1)
        squares = graph.row_sums(graph.node("Mul", codes, codes), 1.0 - one)
        twice = self._scaled(graph.node("Cast", nearest, to=DOUBLE), 2.0)
        distance = graph.node("Max", graph.node("Sub", squares, twice), graph.doubles(0.0))
        cost, centre = self._scaled(distance, -0.5 * self.weight), ""
        if charge:
            index = graph.node("ArgMax", closeness, axis=1, keepdims=0)
            centre = graph.node("Gather", graph.floats(exemplars), index, axis=0)
        return centre, cost

    def _add_entropy(self, log_var: str | Singles, variance: NDArray[Any], terms: Terms) -> None:
        """Add the part of the latent term that does not depend on the mean, for a variance of the prior."""
        graph, k = self.graph, self.latent_dim
        at_zero = k - np.log(variance, dtype=np.float64).sum()
        if isinstance(log_var, str):
            ratio = graph.node("Mul", graph.node("Exp", log_var), graph.floats(1.0 / variance))
            spread = graph.row_sums(graph.node("Sub", log_var, ratio), np.ones(k))
            terms.latent.append(self._scaled(spread, 0.5 * self.weight))
        else:
            at_zero += np.sum(log_var - np.exp(log_var) / variance, dtype=np.float64)
        terms.constant += 0.5 * self.weight * float(at_zero)

    def _charged(self, mean: str, centre: str, cost: str) -> str:
        """The cost divided among the numbers, in proportion to the squared difference of expected rows."""
        graph = self.graph
        difference = graph.node("Sub", self._numeric(self.decode(mean)), self._numeric(self.decode(centre)))
        squares = graph.node("Cast", difference, to=DOUBLE)
        squares = graph.node("Mul", squares, squares)
        total = graph.node("Max", graph.product(squares, np.ones((self.n, 1))), graph.doubles(_LEAST_SQUARE))
        return graph.node("Mul", cost, graph.node("Div", squares, total))

    def _scaled(self, x: str, factor: float) -> str:
        return self.graph.node("Mul", x, self.graph.doubles(factor))
