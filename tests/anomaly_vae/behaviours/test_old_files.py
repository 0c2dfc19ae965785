"""Files of earlier versions stay readable, and score as they did where they were written.

``first-*`` were written by the first version that could save, ``format1-*`` and ``format2-*`` by the last
versions of formats 1 and 2.
``scores.json`` holds rows and the scores that these versions gave them.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import load, save

FOLDER = Path(__file__).parents[1] / "model_files"
SAVED = json.loads((FOLDER / "scores.json").read_text(encoding="utf-8"))


def rows_of(name: str) -> Any:
    rows = SAVED[name]["rows"]
    if isinstance(rows, list):
        return np.array(rows)
    frame = pd.DataFrame(rows["data"], columns=rows["columns"])
    return frame.assign(when=pd.to_datetime(frame["when"])) if "when" in frame else frame


@pytest.mark.parametrize("name", SAVED)
def test_an_old_file_is_read_and_scores_as_it_did(name: str, tmp_path: Path) -> None:
    """And saved again, it still does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of another scikit-learn than it was saved with
        model = load(FOLDER / f"{name}.avae", check_versions=False)
        scores = model.score_samples(rows_of(name))
        np.testing.assert_allclose(scores, SAVED[name]["scores"], rtol=1e-6, atol=1e-5)
        save(model, tmp_path / "again.avae")
    np.testing.assert_array_equal(load(tmp_path / "again.avae").score_samples(rows_of(name)), scores)
