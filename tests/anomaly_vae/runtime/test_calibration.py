"""Scores to decisions: the operators give what ``thresholds`` and ``tails`` give."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from anomaly_vae.runtime.calibration import Calibration, add_decisions
from anomaly_vae.runtime.graph import Graph
from anomaly_vae.runtime.messages import tensor
from anomaly_vae.tails import severities
from anomaly_vae.thresholds import conformal_p_values

Floats = NDArray[np.float64]


def decisions(scores: Floats, calibration: Floats, offset: float = 0.0) -> list[Floats]:
    """p-values, severities and decisions that ONNX Runtime computes."""
    graph = Graph()
    results = add_decisions(graph, "score", Calibration(calibration, offset))
    kinds = zip(results, ["p", "severity", "is_anomaly"], [float, float, bool], strict=True)
    outputs = [(result, tensor(name, kind, "n")) for result, name, kind in kinds]
    model = graph.model([tensor("score", float, "n")], outputs, producer_version="0")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: list[Floats] = session.run(None, {"score": scores})
    return found


def drawn(name: str) -> Floats:
    """Calibration scores, ascending."""
    random = np.random.default_rng(0)
    return np.sort(
        {
            "exponential": lambda: -5 * random.exponential(size=1000),
            "heavy tail": lambda: 10 * random.standard_t(1, size=20_000),
            "few": lambda: random.normal(size=7),
            "ties": lambda: np.round(random.normal(size=500)),
            "equal": lambda: np.zeros(50),
            "one": lambda: np.array([1.5]),
            "power of two": lambda: random.normal(size=1024),
            "one less": lambda: random.normal(size=1023),
        }[name]()
    )


@pytest.mark.parametrize(
    "name", ["exponential", "heavy tail", "few", "ties", "equal", "one", "power of two", "one less"]
)
def test_decisions_are_those_of_the_library(name: str) -> None:
    """At, between, above and far below the calibration scores."""
    calibration = drawn(name)
    near = np.concatenate(
        [calibration, np.nextafter(calibration, -np.inf), np.nextafter(calibration, np.inf)]
    )
    far = calibration[0] - 10.0 ** np.arange(-12, 16)
    scores = np.concatenate([near, far, [-1e300, 1e300, 0.0, -0.0]])
    p_values, severity, is_anomaly = decisions(scores, calibration, calibration[0])
    np.testing.assert_array_equal(p_values, conformal_p_values(scores, calibration))
    np.testing.assert_allclose(severity, severities(scores, calibration), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(is_anomaly, scores < calibration[0])
    assert severity.max() == 100.0
    assert not np.signbit(severity).any()


def test_severity_rises_in_the_tail() -> None:
    """It distinguishes scores that have one p-value."""
    calibration = drawn("exponential")
    p_values, severity, _ = decisions(calibration[0] - np.arange(1.0, 20.0), calibration)
    assert len(set(p_values)) == 1
    assert (np.diff(severity) > 0).all()


def test_a_score_at_the_threshold_is_normal() -> None:
    assert decisions(np.array([-1.0, np.nextafter(-1.0, -2.0)]), drawn("few"), -1.0)[2].tolist() == [
        False,
        True,
    ]
