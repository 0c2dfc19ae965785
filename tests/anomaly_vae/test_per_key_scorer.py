"""Scorers of models of keys: the results of the estimator, without torch and scikit-learn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from anomaly_vae import PerKey, save
from tests.anomaly_vae.keyed.hosts import fitted, fresh, scorer


def test_results_are_those_of_the_estimator() -> None:
    """Bit for bit, and so are the summary and the names."""
    rows = fresh()
    for method in ("score_samples", "decision_function", "predict", "p_values", "severity", "elbo"):
        wanted = getattr(fitted(), method)(rows)
        np.testing.assert_array_equal(getattr(scorer(), method)(rows), wanted, err_msg=method)
    assert scorer().explain(rows) == fitted().explain(rows)
    assert scorer().metadata() == fitted().metadata()
    assert scorer().schema_ == fitted().schema_


def test_the_estimator_comes_back() -> None:
    """With the same scores and parameters."""
    again = scorer().detector()
    assert isinstance(again, PerKey)
    assert repr(again) == repr(fitted())
    np.testing.assert_array_equal(again.score_samples(fresh()), fitted().score_samples(fresh()))
    assert scorer().sample(4, 0).equals(fitted().sample(4, 0))


def test_models_of_keys_are_made_when_their_rows_come() -> None:
    """Loading makes none of them."""
    loaded = scorer().detector()
    assert not loaded.model_._members
    loaded.p_values(fresh()[fresh()["host"] == "b"])
    assert [model.key for model in loaded.model_._members.values()] == ["b"]


def test_neither_torch_nor_scikit_learn_is_imported(tmp_path: Path) -> None:
    """Nor pandas is, before a frame is scored."""
    save(fitted(), tmp_path / "model.avae")
    program = (
        "import sys, anomaly_vae; model = anomaly_vae.load_scorer(sys.argv[1]);"
        "print([name for name in ('torch', 'sklearn', 'scipy', 'skops') if name in sys.modules])"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "model.avae")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"
