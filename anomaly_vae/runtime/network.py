"""The network of a model as two ONNX graphs: encoded rows to codes, and codes to expected rows."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from anomaly_vae._version import __version__
from anomaly_vae.runtime.graph import Graph, wide
from anomaly_vae.runtime.members import Cells
from anomaly_vae.runtime.messages import tensor
from anomaly_vae.runtime.vae import Network
from anomaly_vae.schema import Schema
from anomaly_vae.states.architecture import MemberState

if TYPE_CHECKING:
    import onnx

_NO_CELLS = Cells("", "", "", "", "")


def encoder_model(schema: Schema, member: MemberState) -> onnx.ModelProto:
    """A model with the input ``cells`` and the output ``codes``: posterior means of the latents."""
    graph = Graph()
    codes = Network(graph, Cells.of(graph, "cells", schema), schema, member).encode()
    inputs = [tensor("cells", np.float32, "n_rows", schema.n_cells)]
    outputs = [(codes, tensor("codes", np.float32, "n_rows", member.architecture.latent_dim))]
    return graph.model(inputs, outputs, producer_version=__version__)


def decoder_model(schema: Schema, member: MemberState) -> onnx.ModelProto:
    """A model with the input ``codes`` and the output ``cells``: expected numbers, and probabilities."""
    graph = Graph()
    location = Network(graph, _NO_CELLS, schema, member).decode("codes")
    cells = _with_probabilities(graph, location, schema, member.architecture.n_rows)
    inputs = [tensor("codes", np.float32, "n_rows", member.architecture.latent_dim)]
    outputs = [(cells, tensor("cells", np.float32, "n_rows", schema.n_cells))]
    return graph.model(inputs, outputs, producer_version=__version__)


def _with_probabilities(graph: Graph, location: str, schema: Schema, n_rows: int) -> str:
    """Decoded cells without padding, and logits as probabilities after one more row in each category."""
    n = schema.n_numeric
    parts, start = [graph.columns(location, 0, n)] if n else [], wide(n)
    for width, group in groupby(schema.category_widths):
        stop = start + width * len(list(group))
        logits = graph.node("Reshape", graph.columns(location, start, stop), graph.integers([-1, width]))
        counts = graph.node("Mul", graph.node("Softmax", logits, axis=1), graph.floats(n_rows))
        shares = graph.node("Div", graph.node("Add", counts, graph.floats(1.0)), graph.floats(n_rows + width))
        parts.append(graph.node("Reshape", shares, graph.integers([-1, stop - start])))
        start = stop
    return parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=1)
