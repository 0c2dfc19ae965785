"""DriftDisplay: its bars are the effects of a report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from anomaly_vae import InputError, TabularVAEDetector
from anomaly_vae.displays import DriftDisplay
from anomaly_vae.drift import DriftReport
from anomaly_vae.drift.report import ColumnDrift
from tests.anomaly_vae.displays.comparing import difference


def column(name: str, effect: float | None, **more: object) -> ColumnDrift:
    return ColumnDrift(name=name, kind="numeric", effect=effect, **more)  # type: ignore[arg-type]


COLUMNS = (
    column("still", 0.04, shift=-0.1),
    column("moved", 0.61, shift=1.9, since=38, drifted=True),
    column("slowly", 0.12, shift=-0.3, drifted=True),
    column("latent", None),
)
REPORT = DriftReport(
    n_rows=500, n_calibration=200, rate=0.01, alert_rate=0.2, calibration_alert_rate=0.01, since=38,
    columns=COLUMNS, score=column("score", 0.3, shift=-0.8),
)  # fmt: skip


def test_the_bars_are_the_effects_of_the_report() -> None:
    """Those that drifted first, then by effect; what was not compared is left out."""
    display = DriftDisplay.from_predictions(REPORT)
    assert [one.name for one in display.columns] == ["moved", "slowly", "score", "still"]
    assert [bar.get_width() for bar in display.ax_.patches] == [0.61, 0.12, 0.3, 0.04]
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == [
        "moved",
        "slowly",
        "score",
        "still",
    ]
    texts = [text.get_text().replace("\N{MINUS SIGN}", "-") for text in display.ax_.texts]
    assert texts == ["+1.9 sd, found after 38 rows", "-0.3 sd", "-0.8 sd", "-0.1 sd"]
    assert len(DriftDisplay.from_predictions(REPORT, n_columns=2).ax_.patches) == 2


def test_a_detector_is_asked_for_its_report(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """The columns are those of ``drift``."""
    display = DriftDisplay.from_estimator(fitted, fresh, rate=0.05)
    assert display.report == fitted.drift(fresh, 0.05)


def test_what_is_not_a_report_is_an_error() -> None:
    """And a report without rows has nothing to draw."""
    with pytest.raises(InputError, match=r"what drift\(\) returned, got dict"):
        DriftDisplay({})  # type: ignore[arg-type]
    empty = DriftReport(
        n_rows=0, n_calibration=9, rate=0.01, alert_rate=None, calibration_alert_rate=0.0, since=None,
        columns=(column("a", None),), score=column("score", None),
    )  # fmt: skip
    with pytest.raises(InputError, match="the report has no rows"):
        DriftDisplay.from_predictions(empty)


def test_it_looks_as_it_did(tmp_path: Path) -> None:
    """The baseline."""
    assert difference(DriftDisplay.from_predictions(REPORT).figure_, "drift", tmp_path) is None
