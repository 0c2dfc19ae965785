"""What the displays share: axes, texts, and the error without matplotlib."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import MissingExtraError
from anomaly_vae.displays import HistoryDisplay
from anomaly_vae.displays import _drawing as drawing
from tests.anomaly_vae.displays.comparing import difference


def test_without_matplotlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only drawing needs it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    display = HistoryDisplay({"step": [1, 2], "elbo_train": [-2.0, -1.0]})
    with pytest.raises(MissingExtraError, match=r"pip install 'anomaly-vae\[plot\]'"):
        display.plot()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "missing"),
        (float("nan"), "missing"),
        (pd.NaT, "missing"),
        (pd.NA, "missing"),
        (True, "True"),
        (np.float64(1234.0), "1,234"),
        (0.00012345678, "0.0001235"),
        (2019.7, "2,020"),
        (float("inf"), "inf"),
        ("a text that is too long for a label", "a text that …a label"),
    ],
)
def test_a_cell_is_a_short_text(value: object, text: str) -> None:
    """Numbers have four significant digits."""
    assert drawing.value_text(value) == text


def test_names_are_cut_in_their_middle_and_are_not_formulae() -> None:
    """Both ends stay."""
    assert drawing.short("radius") == "radius"
    assert len(drawing.short("x" * 99)) == drawing.MOST_NAME
    assert drawing.short("a$b") == r"a\$b"


def test_numbers_have_a_proper_minus() -> None:
    """And a digit after the point only if they are small."""
    assert [drawing.nats_text(nats) for nats in (-2.25, 1234.5, -0.04)] == ["−2.2", "+1,234", "−0.0"]
    assert drawing.score_text(-12345.6) == "−12,346"


def test_the_comparison_of_pictures_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another line is another picture."""
    monkeypatch.delenv("UPDATE_BASELINES", raising=False)
    steps = np.arange(10, 210, 10)
    history = {"step": steps, "elbo_train": np.cos(steps / 9), "elbo_validation": np.sin(steps / 9)}
    assert difference(HistoryDisplay.from_predictions(history).figure_, "history", tmp_path) is not None
