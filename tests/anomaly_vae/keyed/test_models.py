"""Models of keys: one of them alone, and beside the shared one."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae import InputError
from anomaly_vae.keyed.models import KeyModel
from tests.anomaly_vae.keyed.hosts import fitted, fresh


def test_the_model_of_a_key_has_a_summary_of_its_own() -> None:
    """The key, the rows it was fitted on, and the rows that calibrate it."""
    own = fitted().model_of("b")
    assert isinstance(own, KeyModel)
    summary = own.metadata()
    assert summary["parameters"] == {"key": "b"}
    assert summary["threshold"]["n_calibration"] == len(own.calibration_scores_)
    assert 50 < summary["training"]["n_rows"] < 100
    low, high = own.false_alarm_interval_ or (1.0, 0.0)
    assert low < 0.05 < high


def test_the_model_of_a_key_takes_rows_without_the_key() -> None:
    """As an array too, and of no other width."""
    own, rows = fitted().model_of("a"), fresh().drop(columns="host")
    np.testing.assert_array_equal(own.score_samples(rows.to_numpy()), own.score_samples(rows))
    with pytest.raises(InputError, match="rows of one key have 4 columns, without the key"):
        own.score_samples(fresh())


def test_a_cell_that_cannot_be_read_has_its_row_in_the_whole_table() -> None:
    """Whichever model reads it."""
    for host in ("b", "new"):
        rows = fresh().astype({"load": object})
        rows.loc[17, ["host", "load"]] = [host, "heavy"]
        with pytest.raises(InputError, match="column 'load', row 17: wanted a number"):
            fitted().score_samples(rows)
