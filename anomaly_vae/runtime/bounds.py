"""bounds_graph: the bounds of a model of a table, and their contributions, as one ONNX graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from anomaly_vae._version import __version__
from anomaly_vae.runtime.graph import Graph
from anomaly_vae.runtime.members import Cells, Terms, add_member
from anomaly_vae.runtime.messages import DOUBLE, tensor
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
    bounds = [_bound(graph, parts, schema, ensemble) for ensemble in ensembles]
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
        values = _masked(graph, parts, schema, terms)
        latent = _latent(graph, terms)
        bounds.append(_sum(graph, values, latent))
        divided.append(_by_column(graph, schema, terms, values, latent))
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


def _bound(graph: Graph, parts: Cells, schema: Schema, ensemble: Sequence[MemberState]) -> str:
    """The bound of one ensemble, shape (n_rows, 1)."""
    terms = _terms(graph, parts, schema, ensemble, None)
    return _sum(graph, _masked(graph, parts, schema, terms), _latent(graph, terms))


def _terms(
    graph: Graph, parts: Cells, schema: Schema, ensemble: Sequence[MemberState], divide_all: bool | None
) -> Terms:
    """The terms of all members; with None, no costs are divided."""
    terms = Terms(len(schema.features))
    for member in ensemble:
        charge = divide_all is not None and (divide_all or bool(member.architecture.n_exemplars))
        add_member(graph, parts, schema, member, terms, charge=charge)
    return terms


def _masked(graph: Graph, parts: Cells, schema: Schema, terms: Terms) -> list[tuple[str, int]]:
    """Nats and number of the numbers, and of the categories, with missing values replaced."""
    n, n_features = schema.n_numeric, len(schema.features)
    result = []
    for nats, start, stop in ((terms.numbers, 0, n), (terms.categories, n, n_features)):
        if start == stop:
            continue
        missing = parts.is_missing
        if stop - start < n_features:
            missing = graph.columns(missing, start, stop)
        values = graph.node("Where", missing, graph.floats(terms.absent[start:stop]), graph.total(nats))
        result.append((values, stop - start))
    return result


def _latent(graph: Graph, terms: Terms) -> str | None:
    """The latent terms, shape (n_rows, 1); None if no member has latents."""
    if not terms.latent:
        return None
    return graph.node("Add", graph.total(terms.latent), graph.doubles(terms.constant))


def _sum(graph: Graph, values: list[tuple[str, int]], latent: str | None) -> str:
    sums = [graph.row_sums(nats, np.ones(width)) for nats, width in values]
    return graph.total([*sums, latent] if latent else sums)


def _by_column(
    graph: Graph, schema: Schema, terms: Terms, values: list[tuple[str, int]], latent: str | None
) -> str:
    """Contributions by column, that of the latent space last."""
    nats = [graph.node("Cast", value, to=DOUBLE) for value, _ in values]
    n = schema.n_numeric
    if terms.charged:
        charged = graph.total(terms.charged)
        nats[0] = graph.node("Add", nats[0], charged)
        assert latent is not None
        latent = graph.node("Sub", latent, graph.product(charged, np.ones((n, 1))))
    owner = np.zeros((len(schema.features), len(schema.columns) + 1))
    owner[np.arange(len(schema.features)), schema.owners] = 1.0
    features = nats[0] if len(nats) == 1 else graph.node("Concat", *nats, axis=1)
    result = graph.product(features, owner)
    if latent is None:
        return result
    last = np.zeros((1, len(schema.columns) + 1))
    last[0, -1] = 1.0
    return graph.node("Add", result, graph.node("Mul", latent, graph.doubles(last)))
