"""bounds_graph: the bounds of a model of a table, and their contributions, as one ONNX graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from anomaly_vae._version import __version__
from anomaly_vae.runtime.graph import Graph, wide
from anomaly_vae.runtime.histogram import Histogram
from anomaly_vae.runtime.members import Cells, Terms
from anomaly_vae.runtime.messages import DOUBLE, tensor
from anomaly_vae.runtime.vae import Network
from anomaly_vae.schema import Schema
from anomaly_vae.states.architecture import MemberState

if TYPE_CHECKING:
    import onnx

Ensembles = Sequence[Sequence[MemberState]]


def add_bounds(graph: Graph, cells: str, schema: Schema, ensembles: Ensembles) -> str:
    """The bounds of encoded rows, shape (n_rows, n_ensembles), in nats and double precision.

    ``cells`` has shape (n_rows, n_cells) and 32-bit floats; NaN is missing.
    """
    parts = Cells.of(graph, cells, schema)
    bounds = [
        _sum(graph, parts, schema, _terms(graph, parts, schema, ensemble, None)) for ensemble in ensembles
    ]
    return bounds[0] if len(bounds) == 1 else graph.node("Concat", *bounds, axis=1)


def add_contributions(
    graph: Graph, cells: str, schema: Schema, ensembles: Ensembles, *, divide_all: bool
) -> tuple[str, str]:
    """The bounds as in ``add_bounds``, and contributions of the largest of them by column.

    The latter have shape (n_rows, n_columns + 1), the latent space last, and sum to the largest bound. The
    cost of the distance from the centre of a prior is divided among the numbers, without ``divide_all`` only
    for priors with exemplars.
    """
    parts = Cells.of(graph, cells, schema)
    bounds, divided = [], []
    for ensemble in ensembles:
        terms = _terms(graph, parts, schema, ensemble, divide_all)
        bounds.append(_sum(graph, parts, schema, terms))
        divided.append(_by_column(graph, parts, schema, terms))
    if len(bounds) == 1:
        return bounds[0], divided[0]
    together = graph.node("Concat", *bounds, axis=1)
    best = graph.node("ArgMax", together, axis=1, keepdims=1)
    result = divided[0]
    for position, contributions in enumerate(divided[1:], start=1):
        is_best = graph.node("Equal", best, graph.integers(position))
        result = graph.node("Where", is_best, contributions, result)
    return together, result


def bounds_model(schema: Schema, ensembles: Ensembles) -> onnx.ModelProto:
    """A model with the input ``cells`` and the output ``bounds``."""
    graph = Graph()
    bounds = add_bounds(graph, "cells", schema, ensembles)
    outputs = [(bounds, tensor("bounds", np.float64, "n_rows", len(ensembles)))]
    inputs = [tensor("cells", np.float32, "n_rows", schema.n_cells)]
    return graph.model(inputs, outputs, producer_version=__version__)


def contributions_model(schema: Schema, ensembles: Ensembles, *, divide_all: bool) -> onnx.ModelProto:
    """A model with the input ``cells`` and the output ``contributions``."""
    graph = Graph()
    _, result = add_contributions(graph, "cells", schema, ensembles, divide_all=divide_all)
    outputs = [(result, tensor("contributions", np.float64, "n_rows", len(schema.columns) + 1))]
    inputs = [tensor("cells", np.float32, "n_rows", schema.n_cells)]
    return graph.model(inputs, outputs, producer_version=__version__)


def _terms(
    graph: Graph, parts: Cells, schema: Schema, ensemble: Sequence[MemberState], divide_all: bool | None
) -> Terms:
    """The terms of all members; with None, no costs are divided."""
    terms = Terms.none(schema)
    for member in ensemble:
        charge = divide_all is not None and (divide_all or bool(member.architecture.n_exemplars))
        kind = Histogram if member.architecture.n_breaks else Network
        kind(graph, parts, schema, member).add_to(terms, charge)
    return terms


def _sum(graph: Graph, parts: Cells, schema: Schema, terms: Terms) -> str:
    """The bound of one ensemble, shape (n_rows, 1)."""
    sums = list(terms.latent)
    for nats, width in (
        (_numbers(graph, parts, schema, terms), wide(schema.n_numeric)),
        (_categories(graph, parts, schema, terms), len(schema.category_widths)),
    ):
        if nats:
            sums.append(graph.row_sums(nats, np.ones(width)))
    return graph.node("Add", graph.total(sums), graph.doubles(terms.constant + terms.peak.sum()))


def _numbers(graph: Graph, parts: Cells, schema: Schema, terms: Terms) -> str:
    """Nats of the numbers above their peaks, shape (n_rows, n_wide), with missing ones replaced."""
    n = schema.n_numeric
    if not n:
        return ""
    absent = np.pad(terms.absent[:n] - terms.peak, (0, wide(n) - n))
    return graph.node("Where", parts.no_number, graph.floats(absent), graph.total(terms.numbers))


def _categories(graph: Graph, parts: Cells, schema: Schema, terms: Terms) -> str:
    """Nats of the categories, shape (n_rows, n_categories), with missing ones replaced."""
    if not schema.category_widths:
        return ""
    absent = graph.floats(terms.absent[schema.n_numeric :])
    return graph.node("Where", parts.no_category, absent, graph.total(terms.categories))


def _by_column(graph: Graph, parts: Cells, schema: Schema, terms: Terms) -> str:
    """Contributions by column, that of the latent space last."""
    n, n_outputs = schema.n_numeric, len(schema.columns) + 1
    owner = np.zeros((len(schema.features), n_outputs))
    owner[np.arange(len(schema.features)), schema.owners] = 1.0
    constant = terms.peak @ owner[:n]
    constant[-1] += terms.constant
    last = np.eye(n_outputs)[-1:]
    results = [graph.node("Mul", latent, graph.doubles(last)) for latent in terms.latent]
    for charged in terms.charged:
        moved = np.zeros((wide(n), n_outputs))
        moved[:n] = owner[:n]
        moved[:, -1] -= 1.0
        results.append(graph.product(charged, moved))
    for nats, owners in (
        (_numbers(graph, parts, schema, terms), np.pad(owner[:n], ((0, wide(n) - n), (0, 0)))),
        (_categories(graph, parts, schema, terms), owner[n:]),
    ):
        if nats:
            results.append(graph.product(graph.node("Cast", nats, to=DOUBLE), owners))
    return graph.node("Add", graph.total(results), graph.doubles(constant[None]))
