"""Session: rows are padded, several threads share a session, and a failure is an error."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from anomaly_vae.runtime.graph import Graph
from anomaly_vae.runtime.session import QUANTUM, Session
from tests.anomaly_vae.runtime.test_graph import session


@pytest.fixture(scope="module")
def double() -> Session:
    """Twice the input of three columns."""
    graph = Graph()
    return session(graph, graph.node("Mul", "x", graph.floats(2.0)), 3)


@pytest.mark.parametrize("n_rows", [0, 1, QUANTUM - 1, QUANTUM, 5 * QUANTUM + 3])
def test_each_row_has_a_result(double: Session, n_rows: int) -> None:
    """And the padding has none."""
    x = np.arange(3 * n_rows, dtype=np.float32).reshape(n_rows, 3)
    np.testing.assert_array_equal(double(x), 2 * x)


def test_columns_in_any_memory_layout_are_read(double: Session) -> None:
    """Transposed and strided arrays."""
    x = np.arange(96, dtype=np.float32).reshape(3, 32).T
    np.testing.assert_array_equal(double(x), 2 * x)
    np.testing.assert_array_equal(double(x[::2]), 2 * x[::2])


def test_threads_share_a_session(double: Session) -> None:
    """Each gets its own result."""
    blocks = [np.full((40, 3), k, dtype=np.float32) for k in range(50)]
    with ThreadPoolExecutor(4) as pool:
        for block, result in zip(blocks, pool.map(double, blocks), strict=True):
            np.testing.assert_array_equal(result, 2 * block)
