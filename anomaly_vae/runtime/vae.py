"""Network: a ``VAE``, linear or with hidden layers, as operators of an ONNX graph."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.runtime.graph import Graph, wide
from anomaly_vae.runtime.members import Cells, Doubles, Member, Singles, Terms
from anomaly_vae.runtime.messages import DOUBLE
from anomaly_vae.schema import Schema
from anomaly_vae.states.architecture import LOG_VARIANCE_RANGE, MemberState

_LEAST_SQUARE = 1e-300


class Network(Member):
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
        if n:
            terms.peak += self.weight * self._peak()
        self._add_latent(mean, log_var, terms, charge)
        weight = np.zeros((self.latent_dim, self.n_wide), dtype=np.float32)
        weight[:, :n] = np.asarray(self.weights["decoder.weight"])[:, :n]
        excess = self._excess(log_var, weight)
        if not self.architecture.hidden_sizes and not self.schema.category_widths:
            distance = self._squared(self.decode(mean))
            terms.numbers.append(self._noise(graph.node("Add", distance, excess)))
            return
        step = graph.node("Mul", self._standard_deviation(log_var), graph.floats(self.draw))
        ends = graph.node("Concat", graph.node("Add", mean, step), graph.node("Sub", mean, step), axis=0)
        above, below = graph.nodes("Split", 2, self.decode(ends), axis=0)
        if n:
            own = graph.node("MatMul", step, graph.constant(weight))
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
            mean = self._affine("encoder", self.cells.filled, weight[:, :k], bias[:k])
            return mean, np.clip(bias[k:], np.float32(low), np.float32(high))
        code = self._residual("encoder", self.cells.filled)
        mean, log_var = graph.columns(code, 0, k), graph.columns(code, k, 2 * k)
        return mean, graph.node("Clip", log_var, graph.floats(low), graph.floats(high))

    def decode(self, z: str) -> str:
        """Expected numbers, padded to ``n_wide`` columns, and logits of latents."""
        return self._residual("decoder", z)

    def _residual(self, name: str, x: str) -> str:
        """A ``ResidualMLP``, whose result is added to that of the linear map by the last product."""
        graph, weights = self.graph, self.weights
        weight, bias = np.asarray(weights[f"{name}.weight"]), np.asarray(weights[f"{name}.bias"])
        sizes = self.architecture.hidden_sizes
        n_layers = len(sizes) + 1 if sizes else 0
        result, hidden = self._affine(name, x, weight, bias), x
        for i in range(n_layers):
            layer = f"{name}.residual.{2 * i}"
            weight, bias = np.asarray(weights[f"{layer}.weight"]).T, np.asarray(weights[f"{layer}.bias"])
            if i == n_layers - 1:
                return graph.node("Add", result, self._affine(name, hidden, weight, bias))
            hidden = graph.affine(hidden, self._rows(weight, hidden), bias)
            hidden = graph.silu(hidden)
        return result

    def _affine(self, name: str, x: str, weight: Singles, bias: Singles) -> str:
        """An affine map with the outputs of a ``ResidualMLP``; those of the decoder are padded."""
        if name == "encoder":
            return self.graph.affine(x, self._rows(weight, x), bias)
        padding, n = self.n_wide - self.n, self.n
        weight = np.insert(weight, [n] * padding, 0.0, axis=1)
        bias = np.insert(bias, [n] * padding, 0.0)
        return self.graph.affine(x, weight, bias)

    def _rows(self, weight: Singles, x: str) -> Singles:
        """A weight that multiplies x, with rows of zeros for padded cells."""
        if x != self.cells.number:
            return weight
        return np.pad(weight, ((0, self.n_wide - self.n), (0, 0)))

    def _standard_deviation(self, log_var: str | Singles) -> str:
        if isinstance(log_var, str):
            return self.graph.node("Sqrt", self.graph.node("Exp", log_var))
        return self.graph.floats(np.sqrt(np.exp(log_var))[None])

    def _excess(self, log_var: str | Singles, weight: Singles) -> str:
        """Variance of the location of each number along the linear path."""
        if isinstance(log_var, str):
            return self.graph.node(
                "MatMul", self.graph.node("Exp", log_var), self.graph.constant(np.square(weight))
            )
        return self.graph.floats(np.exp(log_var)[None] @ np.square(weight))

    def _squared(self, location: str) -> str:
        """Squared distance of numbers from their location."""
        difference = self.graph.node("Sub", self.cells.number, location)
        return self.graph.node("Mul", difference, difference)

    def _numeric(self, location: str) -> str:
        return self.graph.columns(location, 0, self.n_wide) if self.schema.category_widths else location

    def _logits(self, location: str) -> str:
        if not self.n:
            return location
        n_hot = self.schema.n_cells - self.n
        return self.graph.columns(location, self.n_wide, self.n_wide + n_hot)

    def _peak(self) -> Doubles:
        """Nats of numbers at their location."""
        variance, degrees = self.variance.astype(np.float64), self.architecture.degrees_of_freedom
        if math.isinf(degrees):
            return np.asarray(-0.5 * (np.log(variance) + math.log(2.0 * math.pi)))
        half = 0.5 * (degrees + 1.0)
        peak = math.lgamma(half) - math.lgamma(0.5 * degrees)
        return np.asarray(peak - 0.5 * (np.log(variance) + math.log(degrees * math.pi)))

    def _noise(self, distance: str) -> str:
        """Weighted nats at a squared distance, above the peak: Gaussian or Student-t noise; 0 in padding."""
        graph, degrees = self.graph, self.architecture.degrees_of_freedom
        precision = np.zeros(self.n_wide)
        precision[: self.n] = 1.0 / self.variance.astype(np.float64)
        if math.isinf(degrees):
            return graph.node("Mul", distance, graph.floats(-0.5 * self.weight * precision))
        ratio = graph.node("Mul", distance, graph.floats(precision / degrees))
        log = graph.node("Log", graph.node("Add", ratio, graph.floats(1.0)))
        return graph.node("Mul", log, graph.floats(-0.5 * (degrees + 1.0) * self.weight))

    def _add_latent(self, mean: str, log_var: str | Singles, terms: Terms, charge: bool) -> None:
        """Add the latent term: E_q[log p(z)] + H(q), or a lower bound on it."""
        graph, ones = self.graph, np.ones(self.latent_dim)
        has_exemplars = "prior.exemplars" in self.weights
        variance = np.asarray(self.weights["prior.variance"], np.float32) if has_exemplars else ones
        spread = self._spread(log_var, variance, terms)
        if has_exemplars:
            centre, cost = self._nearest(mean, variance, terms, charge)
        else:
            centre, squares = graph.floats(0.0 * ones[None]), graph.node("Mul", mean, mean)
            if spread and not charge:  # one sum instead of two
                parts = [graph.node("Cast", part, to=DOUBLE) for part in (spread, squares)]
                spread, cost = graph.node("Sub", *parts), ""
            else:
                cost = graph.row_sums(squares, -0.5 * self.weight * ones)
        if spread:
            terms.latent.append(graph.row_sums(spread, 0.5 * self.weight * ones))
        if cost:
            terms.latent.append(cost)
        if charge and self.n:
            terms.charged.append(self._charged(mean, centre, cost))

    def _nearest(self, mean: str, variance: NDArray[Any], terms: Terms, charge: bool) -> tuple[str, str]:
        """The nearest exemplar if ``charge``, and the weighted cost of the distance from it.

        A code is divided by the standard deviations of the prior, and has a 1 appended that multiplies the
        offset of each exemplar.
        """
        graph, k = self.graph, self.latent_dim
        exemplars = np.asarray(self.weights["prior.exemplars"], dtype=np.float32)
        terms.constant -= self.weight * math.log(len(exemplars))
        deviation = np.sqrt(variance)
        scale, one = np.zeros((k, k + 1), dtype=np.float32), np.zeros(k + 1, dtype=np.float32)
        scale[:, :k], one[k] = np.diag(np.float32(1.0) / deviation), 1.0
        codes = graph.affine(mean, scale, one)
        points = exemplars / deviation
        points = points[np.minimum(np.arange(wide(len(points))), len(points) - 1)]  # the last one, repeated
        factors = np.concatenate([points, -0.5 * np.square(points).sum(axis=1, keepdims=True)], axis=1)
        closeness = graph.product(codes, factors.T)
        nearest = graph.node("ReduceMax", closeness, axes=[1], keepdims=1)
        squares = graph.row_sums(graph.node("Mul", codes, codes), -0.5 * self.weight * (1.0 - one))
        product = graph.node("Mul", graph.node("Cast", nearest, to=DOUBLE), graph.doubles(self.weight))
        cost = graph.node("Min", graph.node("Add", squares, product), graph.doubles(0.0))
        if not charge:
            return "", cost
        index = graph.node("ArgMax", closeness, axis=1, keepdims=0)
        return graph.node("Gather", graph.floats(points * deviation), index, axis=0), cost

    def _spread(self, log_var: str | Singles, variance: NDArray[Any], terms: Terms) -> str:
        """Twice the part of the latent term that depends on the log variance alone, (n_rows, latent_dim).

        The part that is equal for all rows is added to ``terms``; nothing is left if the log variance is.
        """
        graph = self.graph
        at_zero = self.latent_dim - np.log(variance, dtype=np.float64).sum()
        if isinstance(log_var, str):
            ratio = graph.node("Mul", graph.node("Exp", log_var), graph.floats(1.0 / variance))
            spread = graph.node("Sub", log_var, ratio)
        else:
            spread, at_zero = "", at_zero + np.sum(log_var - np.exp(log_var) / variance, dtype=np.float64)
        terms.constant += 0.5 * self.weight * float(at_zero)
        return spread

    def _charged(self, mean: str, centre: str, cost: str) -> str:
        """The cost divided among the numbers, in proportion to the squared difference of expected rows."""
        graph = self.graph
        difference = graph.node("Sub", self._numeric(self.decode(mean)), self._numeric(self.decode(centre)))
        squares = graph.node("Cast", difference, to=DOUBLE)
        squares = graph.node("Mul", squares, squares)
        total = graph.node(
            "Max", graph.product(squares, np.ones((self.n_wide, 1))), graph.doubles(_LEAST_SQUARE)
        )
        return graph.node("Mul", cost, graph.node("Div", squares, total))
