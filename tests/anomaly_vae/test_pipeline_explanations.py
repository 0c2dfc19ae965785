"""Explanations through the steps of a Pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from anomaly_vae import (
    ImageVAEDetector,
    InputError,
    TabularVAEDetector,
    explain_frame,
    load,
    load_scorer,
    save,
)


def people(n_rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "cm": random.normal(170.0, 10.0, n_rows),
            "town": random.choice(["Bonn", "Kiel"], n_rows),
            "kg": random.normal(70.0, 8.0, n_rows),
        }
    )
    return table.set_axis([f"row {k}" for k in range(n_rows)])


def detector() -> TabularVAEDetector:
    return TabularVAEDetector(max_steps=20, validation_fraction=0.5, hidden_sizes=(8,), random_state=0)


@pytest.fixture(scope="module")
def model() -> Pipeline:
    """Scaled numbers and categories in cells of their own."""
    columns = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["town"]), (StandardScaler(), ["kg", "cm"])
    )
    return make_pipeline(columns, detector()).fit(people(200, 0))


@pytest.fixture(scope="module")
def odd() -> pd.DataFrame:
    rows = people(3, 1)
    rows.loc["row 1", "cm"] = 1.71
    return rows


def test_a_column_has_the_name_and_the_units_that_went_in(model: Pipeline, odd: pd.DataFrame) -> None:
    """The cause of the odd row is first, with what a person of that table would be expected to have."""
    frame = explain_frame(model, odd, n_columns=1).set_index("row")
    assert frame.loc["row 1", "column"] == "cm"
    assert frame.loc["row 1", "observed"] == 1.71
    assert 20.0 < frame.loc["row 1", "expected"] < 220.0
    assert set(explain_frame(model, odd)["column"]) <= {*odd.columns, "latent"}


def test_the_nats_of_all_cells_of_a_column_are_added(model: Pipeline, odd: pd.DataFrame) -> None:
    read, last = model[:-1].transform(odd), model[-1]
    changes = last.score_contributions(read).to_numpy() - last.typical_contributions_
    wanted = changes[:, :2].sum(axis=1)
    frame = explain_frame(model, odd)
    towns = frame[frame["column"] == "town"].set_index("row")["nats"]
    for row, nats in zip(odd.index, wanted, strict=True):
        assert (row in towns.index) == (nats < 0)
        assert row not in towns.index or np.isclose(towns[row], nats)


def test_a_detector_alone_and_its_scorer_give_their_own_frame(path: Path) -> None:
    """Also as the only step of a Pipeline."""
    train = people(60, 0)
    fitted = detector().fit(train)
    save(fitted, path)
    wanted = fitted.explain_frame(train[:9])
    for one in (fitted, load_scorer(path), make_pipeline(fitted)):
        pd.testing.assert_frame_equal(explain_frame(one, train[:9]), wanted)


def test_a_loaded_pipeline_explains_as_the_saved_one_did(
    model: Pipeline, odd: pd.DataFrame, path: Path
) -> None:
    save(model, path)
    pd.testing.assert_frame_equal(explain_frame(load(path), odd), explain_frame(model, odd))


def test_a_mixture_of_columns_keeps_what_the_detector_saw(odd: pd.DataFrame) -> None:
    """A principal component is named and shown as such."""
    numbers = people(60, 0)[["cm", "kg"]]
    mixed = make_pipeline(PCA(2).set_output(transform="pandas"), detector()).fit(numbers)
    frame = explain_frame(mixed, odd[["cm", "kg"]])
    components = mixed[:-1].transform(odd[["cm", "kg"]])
    assert set(frame["column"]) <= {"pca0", "pca1", "latent"}
    first = frame[frame["column"] != "latent"].iloc[0]
    assert first["observed"] == components.loc[first["row"], first["column"]]


def test_an_image_detector_has_no_columns(image_detector: ImageVAEDetector) -> None:
    with pytest.raises(InputError, match="only a detector of tables"):
        explain_frame(image_detector, np.zeros((1, 8, 8)))
