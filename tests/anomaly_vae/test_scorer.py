"""TableScorer: the scores, decisions and explanations of the detector that was saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import InputError, SchemaError, TableScorer, TabularVAEDetector, load_scorer, save
from tests.anomaly_vae.conftest import mixed_table


def numbers(n_rows: int = 60) -> pd.DataFrame:
    """Numbers with gaps and one heavy tail."""
    random = np.random.default_rng(3)
    table = pd.DataFrame(random.normal(size=(n_rows, 3)), columns=["a", "b", "c"])
    table["d"] = np.exp(3.0 * random.normal(size=n_rows))
    table.loc[::7, "b"] = np.nan
    return table


TABLES = {
    "cross-fitted numbers": (numbers(), numbers(30)),
    "an array": (numbers().to_numpy(), numbers(30).to_numpy()),
    "every kind of column": (mixed_table(80, 0), mixed_table(40, 1)),
    "only categories": (mixed_table(60, 0)[["colour", "valid"]], mixed_table(40, 1)[["colour", "valid"]]),
}


@pytest.fixture(scope="module", params=TABLES)
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: Any
) -> tuple[TabularVAEDetector, TableScorer, Any]:
    """A detector, the scorer of its file, and new rows."""
    train, new = TABLES[request.param]
    detector = TabularVAEDetector(max_steps=20, hidden_sizes=(8,), latent_dim=2, random_state=0).fit(train)
    path = tmp_path_factory.mktemp("scorer") / "model.avae"
    save(detector, path)
    scorer = load_scorer(path)
    assert isinstance(scorer, TableScorer)
    return detector, scorer, new


def test_scores_and_decisions_are_those_of_the_detector(pair: Any) -> None:
    """To the last bit: both compute them in one way."""
    detector, scorer, new = pair
    for method in ("score_samples", "decision_function", "predict", "p_values", "severity", "elbo"):
        np.testing.assert_array_equal(getattr(scorer, method)(new), getattr(detector, method)(new))
    assert scorer.explain_shares(new) == detector.explain_shares(new)
    pd.testing.assert_frame_equal(scorer.score_contributions(new), detector.score_contributions(new))
    assert scorer.score(new) == detector.score(new)


def test_it_describes_itself_as_the_detector_does(pair: Any) -> None:
    """Metadata, threshold, columns and fitted attributes."""
    detector, scorer, _ = pair
    assert scorer.metadata() == detector.metadata()
    assert scorer.schema_ == detector.schema_
    for name in ("threshold_interval_", "false_alarm_interval_", "offset_", "tail_", "n_features_in_"):
        assert getattr(scorer, name) == getattr(detector, name)
    assert hasattr(scorer, "feature_names_in_") == hasattr(detector, "feature_names_in_")
    for name in ("calibration_scores_", "typical_contributions_"):
        np.testing.assert_array_equal(getattr(scorer, name), getattr(detector, name))


def test_a_threshold_moves_as_that_of_the_detector(pair: Any) -> None:
    """By a rate, a share or a score."""
    detector, scorer, _ = pair
    for threshold in ({"false_alarm_rate": 0.2}, {"contamination": 0.1}, {"offset": -3.0}):
        assert scorer.set_threshold(**threshold).offset_ == detector.set_threshold(**threshold).offset_
        assert scorer.threshold_interval_ == detector.threshold_interval_


def test_latents_and_expected_rows_are_those_of_the_network(pair: Any) -> None:
    """ONNX Runtime gives what torch gives, within single precision."""
    detector, scorer, new = pair
    np.testing.assert_allclose(scorer.encode(new), detector.encode(new), rtol=1e-4, atol=1e-5)
    expected, wanted = scorer.reconstruct(new), pd.DataFrame(detector.reconstruct(new))
    for column in range(wanted.shape[1]):
        got = (
            np.asarray(expected)[:, column] if isinstance(expected, np.ndarray) else expected.iloc[:, column]
        )
        if wanted.dtypes.iloc[column] == np.float64:
            np.testing.assert_allclose(got, wanted.iloc[:, column], rtol=1e-3, atol=1e-4)


def test_the_detector_comes_back(pair: Any) -> None:
    """It has the same parameters and state, and samples the same rows."""
    detector, scorer, new = pair
    again = scorer.detector()
    assert again.get_params() == detector.get_params()
    np.testing.assert_array_equal(again.score_samples(new), detector.score_samples(new))
    wanted = pd.DataFrame(detector.sample(3, random_state=1))
    pd.testing.assert_frame_equal(pd.DataFrame(scorer.sample(3, random_state=1)), wanted)


def test_expected_rows_can_be_scored(pair: Any) -> None:
    """They have the columns of the table, and are no anomalies of an unknown kind."""
    _, scorer, _ = pair
    rows = scorer.expected_rows(5)
    assert rows.shape == (5, scorer.n_features_in_)
    assert np.isfinite(scorer.score_samples(rows.to_numpy())).all()


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: Any) -> TableScorer:
    """The scorer of a table of numbers."""
    path: Path = tmp_path_factory.mktemp("scorer") / "model.avae"
    save(
        TabularVAEDetector(max_steps=3, validation_fraction=0.5, hidden_sizes=(), random_state=0).fit(
            numbers()
        ),
        path,
    )
    loaded = load_scorer(path)
    assert isinstance(loaded, TableScorer)
    return loaded


def test_the_form_of_the_rows_does_not_matter(scorer: TableScorer) -> None:
    """A frame, an array, lists and another library's frame."""
    table = numbers(5)
    wanted = scorer.score_samples(table)

    class Elsewhere:
        def to_pandas(self) -> pd.DataFrame:
            return table

    for rows in (table.to_numpy(), table.to_numpy().tolist(), table.astype(object), Elsewhere()):
        np.testing.assert_array_equal(scorer.score_samples(rows), wanted)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (numbers(5)[["b", "a", "c", "d"]], "in its order: a, b, c, d; got b, a, c, d"),
        (numbers(5)[["a", "b"]], "columns should be those of the fit"),
        (np.zeros((2, 3)), r"shape \(n_rows, 4\)"),
        (np.zeros((0, 4)), "at least one row"),
        (np.zeros(4), r"shape \(n_rows, 4\)"),
        (np.zeros((1, 4), dtype=complex), "complex128 cannot be scored"),
    ],
)
def test_rows_of_another_shape_are_refused(scorer: TableScorer, rows: Any, reason: str) -> None:
    """The message says what was wanted and what came."""
    with pytest.raises(InputError, match=reason) as caught:
        scorer.score_samples(rows)
    assert isinstance(caught.value, SchemaError) == isinstance(rows, pd.DataFrame)


def test_a_cell_that_is_not_a_number_is_named(scorer: TableScorer) -> None:
    """As by the detector."""
    rows = numbers(3).astype(object)
    rows.iloc[1, 2] = "x"
    with pytest.raises(InputError, match="column 'c', row 1: wanted a number, got 'x'"):
        scorer.score_samples(rows)
