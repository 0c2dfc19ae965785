"""Spark: score the rows of a DataFrame, batch or streaming (extra ``spark``).

Spark sends Arrow record batches to Python workers, which score them with ``ArrowScorer``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from anomaly_vae_pipelines.scoring.arrow import ArrowScorer
from anomaly_vae_pipelines.scoring.model_files import model_content

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def score_frame(frame: DataFrame, model: str | os.PathLike[str] | bytes, **options: Any) -> DataFrame:
    """Return a Spark DataFrame with the results of ``anomaly-vae score`` after its columns.

    Nothing is computed until Spark needs the rows. The content of the model file is part of the plan, so the
    workers need no access to the file.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
        Rows with the columns of the model, in any order, and maybe others; batch or streaming.
    model : str, path-like or bytes
        Path or URL of a model file, which the driver reads, or its content.
    **options
        As in ``ArrowScorer``: ``columns``, ``image_column``, ``explain``, ``prefix``, ``tail``,
        ``on_bad_row``.

    Returns
    -------
    pyspark.sql.DataFrame
        ``score``, ``p_value`` and ``severity`` are double, ``is_anomaly`` is boolean, ``top_columns`` and
        ``error`` are string.

    Raises
    ------
    InputError
        If the model file cannot be read, or a column of ``options`` is missing. A row that cannot be read
        fails the job, unless ``on_bad_row="null"``.
    """
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

    scorer = ArrowScorer(model_content(model), **options)
    schema = from_arrow_schema(scorer.schema(to_arrow_schema(frame.schema, timezone="UTC")))

    def scored(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return map(scorer, batches)

    return frame.mapInArrow(scored, schema)
