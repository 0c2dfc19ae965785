"""Spark, on this machine with two workers; `make test-scale` installs it."""

from __future__ import annotations

import sys

import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from anomaly_vae_pipelines import ArrowScorer
from anomaly_vae_pipelines.engines.spark import score_frame
from anomaly_vae_pipelines.records import RESULT_COLUMNS
from tests.anomaly_vae_pipelines.conftest import PYTHON_PATH

pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")


@pytest.fixture(scope="module")
def spark():
    sql = pytest.importorskip("pyspark.sql", reason="pip install 'anomaly-vae[spark]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("PYTHONPATH", PYTHON_PATH)
        builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        session = builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()
        yield session
        session.stop()


@pytest.fixture
def frame(spark, unseen):
    return spark.read.csv(unseen, header=True, inferSchema=True).repartition(2)


def rows_of(table: pa.Table) -> list[tuple]:
    return sorted(tuple(row.values()) for row in table.select(RESULT_COLUMNS).to_pylist())


def test_scores_are_those_of_one_process(frame, model, unseen):
    """To the last bit, with the columns of the frame in front."""
    scored = score_frame(frame, model)
    assert scored.columns == [*frame.columns, *RESULT_COLUMNS]
    found = sorted(tuple(row) for row in scored.select(*RESULT_COLUMNS).collect())
    assert found == rows_of(ArrowScorer(model)(pacsv.read_csv(unseen)))


def test_a_row_that_cannot_be_read_keeps_its_place(frame, model):
    """As null, with the reason, if that was asked."""
    from pyspark.sql import functions

    wrong = frame.withColumn("amount", functions.lit("many"))
    scored = score_frame(wrong, model, columns=["code"], on_bad_row="null").collect()
    assert len(scored) == frame.count()
    assert all(row.score is None and "'many'" in row.error for row in scored)


def test_a_stream_is_scored_as_it_comes(spark, model, unseen, tmp_path):
    """Structured Streaming calls the same function for each batch."""
    frame = spark.read.csv(unseen, header=True, inferSchema=True)
    frame.write.parquet(str(tmp_path / "in"))
    stream = spark.readStream.schema(frame.schema).parquet(str(tmp_path / "in"))
    scored = score_frame(stream, model, columns=["code"])
    query = scored.writeStream.format("memory").queryName("scored").start()
    query.processAllAvailable()
    query.stop()
    rows = spark.sql("select * from scored").collect()
    assert len(rows) == frame.count()
    assert all(row.score is not None for row in rows)
