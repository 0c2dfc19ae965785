"""Batches of Arrow data in, the results of ``anomaly-vae score`` out."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from anomaly_vae.errors import InputError, ModelFileError
from anomaly_vae_pipelines import ArrowScorer
from anomaly_vae_pipelines.errors import ColumnClashError, SourceError, UnknownNameError
from anomaly_vae_pipelines.images.layouts import list_images
from anomaly_vae_pipelines.records import RESULT_COLUMNS
from anomaly_vae_pipelines.runs.score import score_files
from anomaly_vae_pipelines.scoring.options import ScoreOptions


@pytest.fixture(scope="module")
def table(unseen) -> pa.Table:
    """Rows as another engine would read them: with types."""
    return pacsv.read_csv(unseen)


@pytest.fixture(scope="module")
def scored(model, table, tmp_path_factory) -> pa.Table:
    """The rows as the command line scores them."""
    import pyarrow.parquet as pq

    folder = tmp_path_factory.mktemp("scored")
    pq.write_table(table, folder / "rows.parquet")
    score_files(model, [str(folder / "rows.parquet")], str(folder / "out.parquet"), ScoreOptions())
    return pq.read_table(folder / "out.parquet")


def test_results_are_those_of_the_command_line(model, table, scored):
    """To the last bit, for a Table, and for record batches of any size."""
    scorer = ArrowScorer(model)
    assert scorer(table).to_pylist() == scored.to_pylist()
    assert scorer(table).schema == scorer.schema(table.schema)
    for size in (1, 7, len(table)):
        pieces = [scorer(batch) for batch in table.combine_chunks().to_batches(size)]
        assert all(isinstance(piece, pa.RecordBatch) for piece in pieces)
        assert pa.Table.from_batches(pieces).to_pylist() == scored.to_pylist()


def test_a_dictionary_of_arrays_comes_back_as_one(model, table, scored):
    """What was in it is still the same object."""
    batch = {name: table.column(name).to_pandas().to_numpy() for name in table.column_names}
    out = ArrowScorer(model)(batch)
    assert list(out) == [*table.column_names, *RESULT_COLUMNS]
    assert out["amount"] is batch["amount"]
    assert out["score"] == pytest.approx(scored.column("score").to_numpy(), rel=1e-6)
    assert out["is_anomaly"].dtype == bool


def test_a_pickled_scorer_is_small_and_gives_the_same(model, table, scored):
    """By path it holds no model; by content it holds the bytes of the file."""
    content = Path(model).read_bytes()
    for given, n_bytes in ((model, 0), (content, len(content))):
        pickled = pickle.dumps(ArrowScorer(given))
        assert len(pickled) - n_bytes < 2_000
        assert pickle.loads(pickled)(table).to_pylist() == scored.to_pylist()


def test_columns_are_kept_as_asked(model, table):
    """In the order that was asked; the columns of the model are read all the same."""
    scorer = ArrowScorer(model, columns=["label", "code"], prefix="vae_")
    assert scorer(table).column_names == ["label", "code", *(f"vae_{name}" for name in RESULT_COLUMNS)]
    assert scorer(table).select(["label", "code"]) == table.select(["label", "code"])
    assert scorer.schema(table.schema) == scorer(table).schema


def test_a_batch_without_rows_has_the_columns_of_others(model, table):
    """Engines send some."""
    scorer = ArrowScorer(model, on_bad_row="null")
    assert scorer(table.slice(0, 0)).schema == scorer(table).schema
    batch = pa.RecordBatch.from_pylist([], schema=table.schema)
    assert scorer(batch).schema == scorer(table).schema


def with_text(table: pa.Table, row: int) -> pa.Table:
    """The table with a number that is not one."""
    cells = table.column("amount").cast(pa.string()).to_pylist()
    cells[row] = "twenty"
    return table.set_column(table.column_names.index("amount"), "amount", pa.array(cells, pa.string()))


def test_a_row_that_cannot_be_read_is_an_error_that_names_it(model, table):
    """Or has null for its results, and the reason; the other rows are as without it."""
    wrong = with_text(table, 17)
    with pytest.raises(SourceError, match=r"the batch, line 18: column 'amount': wanted a number.*'twenty'"):
        ArrowScorer(model)(wrong)
    kept = ArrowScorer(model, on_bad_row="null")(wrong)
    assert len(kept) == len(table)
    assert "twenty" in kept.column("error")[17].as_py()
    assert [kept.column(name)[17].as_py() for name in RESULT_COLUMNS] == [None] * 5
    others = np.arange(len(table)) != 17
    right = ArrowScorer(model)(table)
    assert kept.select(RESULT_COLUMNS).filter(others) == right.select(RESULT_COLUMNS).filter(others)
    assert kept.column("error").null_count == len(table) - 1


def test_wrong_batches_and_options_are_refused(model, table):
    """With the name that is wrong."""
    with pytest.raises(UnknownNameError, match="no column 'amount'"):
        ArrowScorer(model)(table.drop_columns(["amount"]))
    with pytest.raises(SourceError, match="no column 'codes', which columns= names"):
        ArrowScorer(model, columns=["codes"])(table)
    with pytest.raises(ColumnClashError, match="'score'"):
        ArrowScorer(model)(table.append_column("score", table.column("count")))
    with pytest.raises(InputError, match="on_bad_row should be 'error' or 'null'"):
        ArrowScorer(model, on_bad_row="skip")
    with pytest.raises(SourceError, match=r"none\.avae: cannot be opened"):
        ArrowScorer("none.avae")
    with pytest.raises(ModelFileError, match="not an anomaly-vae model file"):
        ArrowScorer(b"not a model")(table)


def test_a_model_that_changed_during_a_job_is_refused(model, table, tmp_path):
    """Rows of one job are scored by one model."""
    path = tmp_path / "model.avae"
    path.write_bytes(Path(model).read_bytes())
    scorer = ArrowScorer(path)
    path.write_bytes(Path(model).read_bytes() + b"\0")
    with pytest.raises(InputError, match="is not the model file that the job began with"):
        scorer(table)


def test_images_come_by_path_or_by_their_bytes(image_model, plates, tmp_path):
    """With the scores of the folder."""
    paths = [file.path for file in list_images(str(plates / "test"))]
    score_files(image_model, paths, str(tmp_path / "out.parquet"), ScoreOptions())
    import pyarrow.parquet as pq

    wanted = pq.read_table(tmp_path / "out.parquet").column("score").to_pylist()
    contents = [Path(path).read_bytes() for path in paths]
    table = pa.table({"name": paths, "image": pa.array([*contents[:-1], None], pa.binary())})
    by_path = ArrowScorer(image_model, image_column="name", columns=[])(table)
    assert by_path.column("score").to_pylist() == wanted
    by_content = ArrowScorer(image_model, image_column="image", columns=["name"], on_bad_row="null")(table)
    assert by_content.column("score").to_pylist() == [*wanted[:-1], None]
    assert by_content.column("error")[len(paths) - 1].as_py() == (
        "is missing; wanted a path or the bytes of an image"
    )
    with pytest.raises(InputError, match="name their column with image_column="):
        ArrowScorer(image_model)(table)
    with pytest.raises(SourceError, match="wanted one column of images.*got size int64"):
        ArrowScorer(image_model, image_column="size")(pa.table({"size": [1]}))
