"""Scoring as a stage."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from anomaly_vae import TabularVAEDetector, load
from anomaly_vae.errors import InputError
from pipelines.errors import ColumnClashError, SourceError, UnknownNameError
from pipelines.records import TextChunk
from pipelines.scoring import Scorer, reasons_text
from pipelines.sources import read_csv, read_table

COLUMNS = ("a", "b")


@pytest.fixture(scope="module")
def numbers() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=list(COLUMNS))


@pytest.fixture(scope="module")
def pipeline(numbers):
    detector = TabularVAEDetector(max_steps=20, hidden_sizes=(8,), latent_dim=1, random_state=0)
    return Pipeline([("scale", StandardScaler()), ("detect", detector)]).fit(numbers)


def chunk_of(table: pd.DataFrame) -> TextChunk:
    rows = [[repr(cell) for cell in row] for row in table.to_numpy().tolist()]
    return TextChunk(tuple(table.columns), rows, range(2, len(rows) + 2), "a.csv")


def test_scores_are_those_of_the_detector(model, unseen):
    """Rows read as text score bit for bit as the typed table does."""
    detector = load(model)
    table = read_table(unseen)[list(detector.feature_names_in_)]
    (batch,) = Scorer(detector)(read_csv(unseen))
    np.testing.assert_array_equal(batch.scores, detector.score_samples(table))
    np.testing.assert_array_equal(batch.p_values, detector.p_values(table))
    np.testing.assert_array_equal(batch.is_anomaly, detector.predict(table) == -1)


def test_where_chunks_begin_does_not_matter(model, unseen):
    """One row at a time gives what all at once gives, reasons included."""
    score = Scorer(load(model), explain="all")
    (whole,) = score(read_csv(unseen))
    parts = list(score(read_csv(unseen, max_cells=1)))
    assert len(parts) == len(whole.scores)
    assert [row for part in parts for row in part.rows] == list(whole.rows)


@pytest.mark.parametrize("explain", ["flagged", "all", "none"])
def test_reasons_come_for_the_rows_that_were_asked_for(model, unseen, explain):
    """Flagged rows, all rows or none have top_columns, and they name columns of the model or latent."""
    score = Scorer(load(model), explain=explain)
    (batch,) = score(read_csv(unseen))
    assert batch.is_anomaly.any()
    assert not batch.is_anomaly.all()
    wanted = {"flagged": batch.is_anomaly, "all": True, "none": False}[explain]
    given = np.array([bool(text) for text in batch.top_columns])
    assert (given <= wanted).all()
    assert (given >= (wanted & batch.is_anomaly)).all()
    for text in filter(None, batch.top_columns):
        for reason in text.split(";"):
            name, nats = reason.rsplit(":", 1)
            assert name in {*score.names, "latent"}
            assert float(nats) <= 0


def test_reasons_read_as_names_and_nats():
    """Worst first, one decimal."""
    assert reasons_text([("src_bytes", -12.345), ("count", -5.1)]) == "src_bytes:-12.3;count:-5.1"


def test_order_and_number_of_columns_do_not_matter(model, unseen):
    """Columns are found by name."""
    (chunk,) = read_csv(unseen)
    turned = TextChunk(
        (*reversed(chunk.columns), "extra"), [[*reversed(row), "x"] for row in chunk.rows], chunk.lines
    )
    score = Scorer(load(model))
    ((one,), (other,)) = score([chunk]), score([turned])
    np.testing.assert_array_equal(one.scores, other.scores)


def test_a_missing_column_is_refused_with_the_nearest(model):
    """A file without a column of the model is named, and so is what comes close."""
    chunk = TextChunk(("code", "amuont"), [["1", "2"]], [2], "new.csv")
    with pytest.raises(UnknownNameError, match=r"new.csv: there is no column 'amount', .*mean 'amuont'"):
        list(Scorer(load(model))([chunk]))


def test_a_cell_that_cannot_be_read_is_named_by_line(model, unseen):
    """File, line, column and value are in the message, counted in the file and not in the chunk."""
    (chunk,) = read_csv(unseen)
    rows = [list(row) for row in chunk.rows]
    rows[7][2] = "many"
    bad = TextChunk(chunk.columns, rows, chunk.lines, "new.csv")
    with pytest.raises(SourceError, match=r"new.csv, line 9: column 'count': wanted a number, got 'many'"):
        list(Scorer(load(model))([bad]))


def test_a_result_column_hides_no_column_of_the_input(numbers, pipeline):
    """A name that is taken is refused, a prefix gives another."""
    chunk = chunk_of(numbers.assign(score=1.0))
    with pytest.raises(ColumnClashError, match=r"'score' already.*--prefix"):
        list(Scorer(pipeline)([chunk]))
    (batch,) = Scorer(pipeline, prefix="vae_")([chunk])
    assert batch.columns[2:4] == ("score", "vae_score")


def test_a_chunk_without_rows_stays_without_rows(numbers, pipeline):
    """A header alone is scored to a header alone."""
    (batch,) = Scorer(pipeline)([chunk_of(numbers.head(0))])
    assert list(batch.rows) == []
    assert len(batch.columns) == 6


def test_a_pipeline_scores_as_it_does_in_python(numbers, pipeline):
    """Steps before the detector are applied, to scores, p-values and reasons alike."""
    (batch,) = Scorer(pipeline, explain="all")([chunk_of(numbers)])
    np.testing.assert_array_equal(batch.scores, pipeline.score_samples(numbers))
    assert batch.p_values.min() > 0
    assert any(batch.top_columns)


def test_what_a_pipeline_cannot_read_is_named_by_lines(numbers, pipeline):
    """The steps of others name no row, so the rows of the chunk are named."""
    chunk = TextChunk(COLUMNS, [["1", "2"], ["x", "2"]], [2, 3], "a.csv")
    with pytest.raises(SourceError, match=r"a.csv, line 2: the rows from here to line 3 cannot be read"):
        list(Scorer(pipeline)([chunk]))


def test_a_model_without_column_names_is_refused(numbers):
    """Fitted on an array, a model cannot find its columns in a file."""
    detector = TabularVAEDetector(max_steps=2, random_state=0).fit(numbers.to_numpy())
    with pytest.raises(InputError, match="without column names"):
        Scorer(detector)
