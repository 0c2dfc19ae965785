"""An exported model scores raw rows without this package, in a process that cannot import it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import TabularVAEDetector
from anomaly_vae.tails import severities
from anomaly_vae.thresholds import conformal_p_values
from tests.anomaly_vae.runtime.tables import CASES, Case, case

PROGRAM = Path(__file__).with_name("score_alone.py")

pytestmark = pytest.mark.filterwarnings("ignore:column 'key' looks like an identifier")


def raw(cells: pd.Series) -> list[Any]:
    """Cells as JSON: numbers as text, which keeps infinities; dates as seconds since 1970."""
    return [None if pd.isna(cell) else _raw(cell) for cell in cells]


def _raw(cell: Any) -> str:
    if isinstance(cell, pd.Timestamp):
        return repr((cell - pd.Timestamp(0)) / pd.Timedelta("1s"))
    return str(cell)


def score_alone(detector: TabularVAEDetector, rows: pd.DataFrame, folder: Path) -> dict[str, Any]:
    """The outputs of the exported model, by name."""
    model, cells, out = (folder / name for name in ("model.onnx", "rows.json", "out.npz"))
    detector.to_onnx(model)
    cells.write_text(json.dumps({name: raw(rows[name]) for name in rows}), encoding="utf-8")
    command = [sys.executable, "-I", str(PROGRAM), str(model), str(cells), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    with np.load(out) as arrays:
        return dict(arrays)


def check(fitted: TabularVAEDetector, found: dict[str, Any], rows: pd.DataFrame) -> None:
    """All results are those of the detector."""
    wanted = fitted.score_samples(rows)
    np.testing.assert_allclose(found["score"], wanted, rtol=1e-6, atol=1e-4)
    # Decisions are exact functions of the score, which may be on the other side of a calibration score.
    calibration = fitted.calibration_scores_
    np.testing.assert_array_equal(found["p_value"], conformal_p_values(found["score"], calibration))
    np.testing.assert_allclose(found["severity"], severities(found["score"], calibration), atol=1e-6)
    np.testing.assert_array_equal(found["is_anomaly"], found["score"] < fitted.offset_)
    assert (found["p_value"] == fitted.p_values(rows)).mean() > 0.95
    assert (np.abs(found["severity"] - fitted.severity(rows)) < 1e-3).mean() > 0.95
    assert (found["is_anomaly"] == (fitted.predict(rows) == -1)).mean() > 0.99
    contributions = fitted.score_contributions(rows).to_numpy()
    np.testing.assert_allclose(found["contributions"], contributions, rtol=1e-5, atol=1e-2)
    np.testing.assert_allclose(found["contributions"].sum(axis=1), wanted, rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("name", CASES)
def test_results_are_those_of_the_detector(name: str, tmp_path: Path) -> None:
    """From numbers, texts, dates, missing cells, unknown texts, infinities and 1e300."""
    tried: Case = case(name)
    fitted = tried.fit()
    found = score_alone(fitted, tried.rows, tmp_path)
    check(fitted, found, tried.rows)
    n_rows = len(tried.rows) // 4  # the first quarter are normal rows, the second has missing cells
    assert found["is_anomaly"][2 * n_rows :].mean() > 0.5
    assert found["is_anomaly"][:n_rows].mean() < 0.5
    assert len(np.unique(found["p_value"][:n_rows])) > 5


def test_several_ensembles_have_the_contributions_of_the_best(tmp_path: Path) -> None:
    """A cross-fitted table has five."""
    tried = case("small")
    fitted = tried.fit()
    assert len(fitted.model_.ensembles) == 5
    rows = pd.concat([tried.table] * 3, ignore_index=True)
    check(fitted, score_alone(fitted, rows, tmp_path), rows)


def test_a_model_that_was_saved_and_loaded_exports_the_same(tmp_path: Path) -> None:
    from anomaly_vae import load, save

    fitted = case("contaminated").fit()
    save(fitted, tmp_path / "model.avae")
    for name, detector in (("a", fitted), ("b", load(tmp_path / "model.avae"))):
        assert isinstance(detector, TabularVAEDetector)
        detector.to_onnx(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
