"""The check of an export finds an exported model that gives other results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import ExportError
from anomaly_vae.runtime.calibration import Calibration
from anomaly_vae.runtime.export import FittedTable, export_model
from anomaly_vae.runtime.export_check import check_export, inputs_of, rows_to_compare, run_export
from anomaly_vae.runtime.table import TableRuntime
from tests.anomaly_vae.runtime.tables import case

pytestmark = pytest.mark.filterwarnings("ignore:column 'key' looks like an identifier")


@cache
def fitted() -> tuple[FittedTable, pd.DataFrame]:
    """A detector as plain values, and rows drawn from it."""
    detector = case("mixed").fit()
    calibration = Calibration(detector.calibration_scores_, detector.offset_)
    names = [*detector.schema_.names, "latent"]
    plain = FittedTable(detector.model_.state(), calibration, detector.typical_contributions_, names)
    return plain, detector.model_.sample(16, 0)


def _with(**changes: object) -> Callable[[FittedTable], FittedTable]:
    return lambda plain: replace(plain, calibration=replace(plain.calibration, **changes))


def _worse_weights(plain: FittedTable) -> FittedTable:
    member = plain.state.ensembles[0][-1]
    weights = {name: np.asarray(1.05 * values, np.float32) for name, values in member.weights.items()}
    ensembles = (
        (*plain.state.ensembles[0][:-1], replace(member, weights=weights)),
        *plain.state.ensembles[1:],
    )
    return replace(plain, state=replace(plain.state, ensembles=ensembles))


def test_the_model_itself_passes() -> None:
    plain, drawn = fitted()
    check_export(export_model(plain), plain, drawn, TableRuntime(plain.state).totals)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (_worse_weights, "score"),
        (_with(scores=np.linspace(-50, 0, 60)), "p-value"),
        (_with(offset=-1e6), "decision"),
    ],
)
def test_another_model_is_found(change: Callable[[FittedTable], FittedTable], what: str) -> None:
    """The message is one line: what differs, in which row, and what was wanted."""
    plain, drawn = fitted()
    with pytest.raises(ExportError, match=f"another {what} than the detector: .* in generated row") as caught:
        check_export(export_model(change(plain)), plain, drawn, TableRuntime(plain.state).totals)
    assert "\n" not in str(caught.value)


def test_rows_have_missing_cells_unknown_texts_and_extreme_numbers() -> None:
    plain, drawn = fitted()
    rows = rows_to_compare(drawn, plain.state.encoder)
    assert len(rows) == 3 * len(drawn)
    assert rows.isna()[16:32].mean(axis=None) == pytest.approx(1 / 3, abs=0.15)
    assert {1e300, np.inf} <= set(rows["length"])
    assert rows["colour"].astype(str).str.endswith("unknown").any()


def test_one_row_can_be_run() -> None:
    plain, drawn = fitted()
    results = run_export(export_model(plain), inputs_of(drawn[:1], plain.state.encoder))
    assert results.score.shape == results.is_anomaly.shape == (1,)
