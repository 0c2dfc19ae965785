"""The progress bar of a fit."""

from __future__ import annotations

import pandas as pd
import pytest

from anomaly_vae import TabularVAEDetector
from tests.anomaly_vae.detectors.test_tabular import QUICK


def test_verbose_shows_a_progress_bar(table: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    """``verbose=1`` shows steps and the ELBO on stderr; 0 prints nothing."""
    TabularVAEDetector(**QUICK).fit(table)
    assert capsys.readouterr() == ("", "")
    TabularVAEDetector(verbose=1, **QUICK).fit(table)
    out, err = capsys.readouterr()
    assert out == ""
    assert "30/30" in err
    assert "nats" in err
