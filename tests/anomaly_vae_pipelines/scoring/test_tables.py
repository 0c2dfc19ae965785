"""Scoring rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from anomaly_vae import TabularVAEDetector, load
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SourceError, UnknownNameError
from anomaly_vae_pipelines.reasons import Reasons
from anomaly_vae_pipelines.records import Rows, ScoredRows
from anomaly_vae_pipelines.runs.evaluate import scored_rows
from anomaly_vae_pipelines.scoring.model_files import open_model
from anomaly_vae_pipelines.scoring.tables import Scorer, reason_texts
from anomaly_vae_pipelines.sources import TableInputs, open_source, read_rows
from tests.anomaly_vae.keyed.hosts import fitted, fresh
from tests.anomaly_vae_pipelines.conftest import COLUMNS as ORDER_COLUMNS
from tests.anomaly_vae_pipelines.conftest import orders, read_table, text_rows, write_table

COLUMNS = ("a", "b")


@pytest.fixture(scope="module")
def numbers() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=list(COLUMNS))


@pytest.fixture(scope="module")
def pipeline(numbers):
    detector = TabularVAEDetector(
        max_steps=20, validation_fraction=0.5, hidden_sizes=(8,), latent_dim=1, random_state=0
    )
    return Pipeline([("scale", StandardScaler()), ("detect", detector)]).fit(numbers)


def rows_of(table: pd.DataFrame) -> Rows:
    return text_rows(
        tuple(table.columns), [[repr(cell) for cell in row] for row in table.to_numpy().tolist()]
    )


def all_rows(path: str) -> Rows:
    with open_source(path) as source:
        (rows,) = read_rows(source)
    return rows


def test_scores_are_those_of_the_detector(model, unseen):
    """Rows read as text score bit for bit as the typed table does."""
    detector = load(model)
    table = read_table(unseen)[list(detector.feature_names_in_)]
    (scored,) = scored_rows(Scorer(detector), TableInputs([unseen]), [])
    np.testing.assert_array_equal(scored.scores, detector.score_samples(table))
    np.testing.assert_array_equal(scored.p_values, detector.p_values(table))
    np.testing.assert_array_equal(scored.severities, detector.severity(table))
    np.testing.assert_array_equal(scored.is_anomaly, detector.predict(table) == -1)


def test_where_pieces_begin_does_not_matter(model, unseen):
    """One row at a time gives what all at once gives, reasons included."""
    score, rows = Scorer(load(model), explain="all", expected=True), all_rows(unseen)
    whole = score(rows).rows
    parts = [score(rows.take(np.arange(len(rows)) == i)).rows for i in range(len(rows))]
    for name in ("scores", "severities"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, name))
    assert [part.reasons[0] for part in parts] == [whole.reasons[i] for i in range(len(rows))]


@pytest.mark.parametrize("explain", ["flagged", "all", "none"])
def test_reasons_come_for_the_rows_that_were_asked_for(model, unseen, explain):
    """Flagged rows, all rows or none have reasons, and they name columns of the model or latent."""
    score = Scorer(load(model), explain=explain)
    (scored,) = scored_rows(score, TableInputs([unseen]), [])
    assert scored.is_anomaly.any()
    assert not scored.is_anomaly.all()
    wanted = {"flagged": np.flatnonzero(scored.is_anomaly), "all": range(40), "none": ()}[explain]
    assert sorted(scored.reasons) == list(wanted)
    for reasons in scored.reasons.values():
        assert {reason.column for reason in reasons} <= {*score.names, "latent"}
        assert all(reason.nats <= 0 for reason in reasons)


def test_reasons_say_what_was_seen_and_expected_if_asked(model, unseen):
    """In the column's own unit, and nothing for a combination of columns."""
    (scored,) = scored_rows(Scorer(load(model), expected=True), TableInputs([unseen]), [])
    amounts = scored.rows.cells("amount")
    for row, reasons in scored.reasons.items():
        for reason in reasons:
            assert (reason.observed is None) == (reason.column == "latent")
            if reason.column == "amount":
                assert float(reason.observed) == pytest.approx(float(amounts[row]), rel=1e-3)


@pytest.mark.parametrize("n_reasons", [1, 5])
def test_a_row_has_at_most_as_many_reasons_as_asked_for(model, unseen, n_reasons):
    adapter = open_model(model).adapter
    few, all_of_them = (adapter.scorer(explain="all", n_reasons=n) for n in (n_reasons, 99))
    for some, every in zip(
        *(scored_rows(one, adapter.inputs([unseen]), []) for one in (few, all_of_them)), strict=True
    ):
        lengths = [len(some.reasons[row]) for row in range(len(some))]
        assert lengths == [min(n_reasons, len(every.reasons[row])) for row in range(len(some))]
        assert max(lengths) > min(3, n_reasons - 1)


def test_shares_are_parts_of_the_shortfall(model, unseen):
    """A share is the nats of a column divided by the sum of all columns below their typical contribution."""
    detector, table = load(model), read_table(unseen)
    (scored,) = scored_rows(Scorer(detector, explain="all"), TableInputs([unseen]), [])
    costs = detector.score_contributions(table[list(detector.feature_names_in_)])
    costs = (costs - detector.typical_contributions_).clip(upper=0.0)
    for row, reasons in scored.reasons.items():
        for reason in reasons:
            wanted = costs.iloc[row][reason.column] / costs.iloc[row].sum()
            assert reason.share == pytest.approx(wanted)
            assert 0.0 <= reason.share <= 1.0
        assert sum(reason.share for reason in reasons) <= 1.0 + 1e-9


def test_rows_without_reasons_have_an_empty_text():
    """The other rows have theirs, in any order of the rows."""
    none = np.zeros(3)
    reasons = Reasons({2: [("count", -5.1, 1.0)], 1: [("src_bytes", -12.345, 0.614)]})
    scored = ScoredRows(text_rows(("a",), [["1"], ["2"], ["3"]]), none, none, none, none > 0, reasons)
    assert reason_texts(scored).to_pylist() == ["", "src_bytes:-12.3 (61 %)", "count:-5.1 (100 %)"]


def test_a_missing_column_is_refused_with_the_nearest(model, tmp_path):
    """A file without a column of the model is named, and so is what comes close."""
    (tmp_path / "new.csv").write_text("code,amuont\n1,2\n")
    with pytest.raises(UnknownNameError, match=r"new.csv: there is no column 'amount', .*mean 'amuont'"):
        list(scored_rows(Scorer(load(model)), TableInputs([str(tmp_path / "new.csv")]), []))


def test_rows_that_the_model_cannot_read_come_out_beside_the_others(model, unseen):
    """Each is known by line, column and value; the others score as ever."""
    score, rows = Scorer(load(model)), all_rows(unseen)
    position = rows.table.column_names.index("open")
    cells = ["maybe" if i in (3, 7) else cell for i, cell in enumerate(rows.cells("open"))]
    broken = Rows(
        rows.source, rows.columns, rows.table.set_column(position, "open", [cells]), rows.numbers, rows.raw
    )
    scored, rejected = score(broken)
    assert [(row.number, row.kind) for row in rejected] == [(5, "cell"), (9, "cell")]
    assert "column 'open': wanted true or false, got 'maybe'" in rejected[0].reason
    kept = ~np.isin(np.arange(40), [3, 7])
    np.testing.assert_array_equal(scored.scores, score(rows).rows.scores[kept])


def test_no_rows_score_to_no_rows(model, unseen):
    """A piece may have been all bad."""
    rows = all_rows(unseen)
    scored, rejected = Scorer(load(model))(rows.take(np.zeros(40, dtype=bool)))
    assert (len(scored), rejected) == (0, [])


def test_another_threshold_flags_other_rows(model, unseen):
    """Scores stay; what lies below the given offset is an anomaly."""
    (scored,) = scored_rows(Scorer(load(model), offset=1e6), TableInputs([unseen]), [])
    assert scored.is_anomaly.all()


def test_a_pipeline_scores_as_it_does_in_python(numbers, pipeline):
    """Steps before the detector are applied, to scores, p-values and reasons alike."""
    scored, _ = Scorer(pipeline, explain="all")(rows_of(numbers))
    np.testing.assert_array_equal(scored.scores, pipeline.score_samples(numbers))
    assert scored.p_values.min() > 0
    assert len(scored.reasons) == 60


def test_a_row_that_a_pipeline_cannot_read_is_found(numbers, pipeline):
    """Its steps name no row, and yet only the row at fault is refused."""
    rows = [["1", "2"], ["x", "2"], ["3", "4"]]
    scored, rejected = Scorer(pipeline)(text_rows(COLUMNS, rows))
    assert ([row.number for row in rejected], len(scored)) == ([3], 2)


def test_what_a_pipeline_cannot_read_at_all_is_named_by_lines(numbers, pipeline):
    """The steps of others name no row, so the rows of the piece are named."""
    rows = text_rows(COLUMNS, [["x", "2"]] * 150)
    with pytest.raises(SourceError, match=r"a.csv, line 2: no row from here to line 151 can be read"):
        Scorer(pipeline)(rows)


def test_a_model_without_column_names_is_refused(numbers):
    """Fitted on an array, a model cannot find its columns in a file."""
    detector = TabularVAEDetector(max_steps=2, validation_fraction=0.5, random_state=0).fit(
        numbers.to_numpy()
    )
    with pytest.raises(InputError, match="without column names"):
        Scorer(detector)


def of_color(color: str, folder: Path, amount: str = "20.5") -> Rows:
    """Rows with a colour in the column in which training saw red and green; the last has this amount."""
    rows = [[*row[:3], color, *row[4:]] for row in orders(20, seed=1)]
    rows[-1][ORDER_COLUMNS.index("amount")] = amount
    return all_rows(write_table(folder / "colors.csv", ORDER_COLUMNS, rows))


def test_a_category_that_training_never_saw_is_a_reason_that_names_itself(model, tmp_path):
    score = Scorer(load(model), explain="all", expected=True)
    scored = score(of_color("violet", tmp_path)).rows
    assert {name: mask.tolist() for name, mask in scored.unseen.items()} == {"color": [True] * 20}
    named = 0
    for position, text in enumerate(reason_texts(scored).to_pylist()):
        for reason in scored.reasons[position]:
            assert reason.unseen == (reason.column == "color")
            if reason.unseen:
                named += 1
                assert reason.observed == "violet"
                assert reason.expected in ("red", "green")
                assert f"{reason.percent}, value 'violet' was never seen)" in text
    assert named > 10
    known = score(of_color("red", tmp_path)).rows
    assert not known.unseen
    assert not any(reason.unseen for reasons in known.reasons.values() for reason in reasons)


def test_a_column_that_is_new_in_kind_is_refused_with_its_first_value(model, tmp_path):
    """Numbers at the fit, text at scoring."""
    score = Scorer(load(model))
    with open_source(
        write_table(
            tmp_path / "a.csv", ORDER_COLUMNS, [["1", "cheap", "2", "red", "true", "2026-01-05", ""]] * 3
        )
    ) as source:
        (block,) = source.blocks()
        _, rejected = source.read(block, score.names, score.numeric)
    assert (rejected[0].line, rejected[0].reason) == (2, "column 'amount': wanted a number, got 'cheap'")


def test_rows_are_flagged_by_the_threshold_of_their_key() -> None:
    rows = fresh().dropna()
    texts = text_rows(tuple(rows.columns), rows.astype(str).to_numpy().tolist())
    scored, rejected = Scorer(fitted(), explain="none")(texts)
    assert not rejected
    np.testing.assert_array_equal(scored.scores, fitted().score_samples(rows))
    np.testing.assert_array_equal(scored.is_anomaly, fitted().predict(rows) == -1)
    np.testing.assert_array_equal(scored.p_values, fitted().p_values(rows))
    np.testing.assert_array_equal(scored.severities, fitted().severity(rows))
    np.testing.assert_allclose(scored.scores - scored.offsets, fitted().decision_function(rows))


def test_another_threshold_is_not_used_for_all_keys() -> None:
    with pytest.raises(InputError, match="each key has a threshold of its own"):
        Scorer(fitted(), offset=-1.0)
