"""Graph: operators that give a row the same bits at every position."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae.runtime.graph import OPSET, Graph
from anomaly_vae.runtime.messages import tensor
from anomaly_vae.runtime.session import QUANTUM, Session


def session(graph: Graph, value: str, n_inputs: int, kind: type = np.float32) -> Session:
    """A session of a graph with the input x (n_rows, n_inputs)."""
    inputs = [tensor("x", np.float32, "n_rows", n_inputs)]
    return Session(graph.model(inputs, [(value, tensor("y", kind, "n_rows", None))], producer_version="test"))


@pytest.mark.parametrize("n_inputs", [1, 3, 16, 30, 100])
@pytest.mark.parametrize("n_outputs", [1, 2, 11, 16, 17, 64])
def test_a_product_has_the_same_bits_at_every_position(n_inputs: int, n_outputs: int) -> None:
    """In every order, and in blocks of every size."""
    random = np.random.default_rng(n_inputs)
    weight = random.normal(size=(n_inputs, n_outputs)).astype(np.float32)
    graph = Graph()
    run = session(graph, graph.product("x", weight), n_inputs)
    x = random.normal(size=(1000, n_inputs)).astype(np.float32)
    whole = run(x)
    np.testing.assert_allclose(whole, x @ weight, rtol=1e-4, atol=1e-4)
    order = random.permutation(1000)
    np.testing.assert_array_equal(run(x[order]), whole[order])
    for size in (1, 2, QUANTUM - 1, QUANTUM, QUANTUM + 1, 100):
        np.testing.assert_array_equal(run(x[7 : 7 + size]), whole[7 : 7 + size])


@pytest.mark.parametrize("width", [1, 5, 16, 30])
def test_row_sums_are_in_double_precision(width: int) -> None:
    """And have the same bits at every position."""
    random = np.random.default_rng(width)
    x = (random.normal(size=(500, width)) * 10.0 ** random.integers(-6, 7, (500, width))).astype(np.float32)
    weights = random.normal(size=width)
    graph = Graph()
    run = session(graph, graph.row_sums("x", weights), width, np.float64)
    whole = run(x)
    np.testing.assert_allclose(whole[:, 0], x.astype(np.float64) @ weights, rtol=1e-9, atol=1e-9)
    order = random.permutation(500)
    np.testing.assert_array_equal(run(x[order]), whole[order])


def test_a_constant_is_stored_once() -> None:
    """Values of another type or shape are other constants."""
    graph = Graph()
    assert graph.floats([1.0, 2.0]) == graph.floats([1.0, 2.0])
    others = [graph.floats([[1.0, 2.0]]), graph.doubles([1.0, 2.0]), graph.integers([1, 2])]
    assert len({graph.floats([1.0, 2.0]), *others}) == 4


def test_a_model_states_its_operators_and_its_metadata() -> None:
    """The opset, the producer, and the texts that were given."""
    graph = Graph()
    outputs = [(graph.node("Neg", "x"), tensor("y", np.float32, "n_rows", 2))]
    inputs = [tensor("x", np.float32, "n_rows", 2)]
    model = graph.model(inputs, outputs, producer_version="1.2", doc="text", metadata={"a": "b"})
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", OPSET)]
    assert (model.producer_name, model.producer_version) == ("anomaly-vae", "1.2")
    assert model.doc_string == "text"
    assert {entry.key: entry.value for entry in model.metadata_props} == {"a": "b"}
