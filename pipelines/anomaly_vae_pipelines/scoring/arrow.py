"""ArrowScorer: scores batches of Arrow data with a model file, in any process of any engine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae.tails import Tail
from anomaly_vae_pipelines.arrow_arrays import arrow_numbers, arrow_texts, null
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.io.files import digest
from anomaly_vae_pipelines.records import RESULT_COLUMNS, Rejected
from anomaly_vae_pipelines.scoring.adapters import BATCH, AnyScorer
from anomaly_vae_pipelines.scoring.blocks import ScoredBlock, all_scored, score_blocks
from anomaly_vae_pipelines.scoring.model_files import OpenedModel, model_content, open_content
from anomaly_vae_pipelines.scoring.options import Explain
from anomaly_vae_pipelines.scoring.tables import reason_texts
from anomaly_vae_pipelines.sinks.encoding import check_no_clash, result_columns, result_names

ERROR = "error"
"""Name of the column that says why a row has no score, without the prefix."""

_RESULT_TYPES = (pa.float64(), pa.float64(), pa.float64(), pa.bool_(), pa.string())


class ArrowScorer:
    """Scores batches of rows with a model file; any engine can send it to its workers.

    A pickled ArrowScorer holds the place or the content of the model file and its options, and no model. Each
    process opens the model at its first batch. A detector is scored without torch and scikit-learn.
    Scores, p-values, severities and reasons are those of ``anomaly-vae score``.

    Parameters
    ----------
    model : str, path-like or bytes
        Path or URL of a model file, which every worker must be able to read, or its content.
    columns : sequence of str, optional
        The columns of a batch that the result keeps; all by default.
    image_column : str, optional
        For a model of images: the column with their paths (text) or the bytes of their files (binary).
    explain : {"flagged", "all", "none"}
        Which rows get ``top_columns``.
    prefix : str
        Prefix of the names of the result columns.
    tail : {"empirical", "gpd"}
        Whether p-values below the lowest calibration score are estimated.
    on_bad_row : {"error", "null"}
        A row that cannot be read raises SourceError, or its results are null and one more column, ``error``,
        says why.

    Attributes
    ----------
    model_id : str
        First digits of the SHA-256 of the model file. A process that finds another file raises InputError.

    Raises
    ------
    SourceError
        If the model file cannot be read.

    Examples
    --------
    >>> import pickle, tempfile, numpy as np, pyarrow as pa, pandas as pd, anomaly_vae
    >>> X = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["a", "b"])
    >>> detector = anomaly_vae.TabularVAEDetector(max_steps=20, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     anomaly_vae.save(detector, f"{folder}/model.avae")
    ...     scorer = pickle.loads(pickle.dumps(ArrowScorer(f"{folder}/model.avae", columns=["a"])))
    ...     scored = scorer(pa.RecordBatch.from_pandas(X))
    >>> scored.schema.names
    ['a', 'score', 'p_value', 'severity', 'is_anomaly', 'top_columns']
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes,
        *,
        columns: Sequence[str] | None = None,
        image_column: str | None = None,
        explain: Explain = "flagged",
        prefix: str = "",
        tail: Tail = "empirical",
        on_bad_row: Literal["error", "null"] = "error",
    ) -> None:
        if on_bad_row not in ("error", "null"):
            raise InputError(f"on_bad_row should be 'error' or 'null', got {on_bad_row!r}")
        self._model = model if isinstance(model, bytes) else os.fspath(model)
        self._columns = None if columns is None else tuple(columns)
        self._image_column, self._prefix, self._on_bad_row = image_column, prefix, on_bad_row
        self._explain, self._tail = explain, tail
        self.model_id = digest(model_content(self._model))

    def __call__(self, batch: Any) -> Any:
        """Score a batch; returns its columns followed by the results, in the form of the batch.

        Parameters
        ----------
        batch : pyarrow.RecordBatch, pyarrow.Table, or mapping of str to arrays, shape (n_rows,)
            Rows with the columns of the model, in any order, and maybe others.

        Returns
        -------
        RecordBatch, Table, or dict of numpy arrays
            Float64 ``score`` in nats, ``p_value`` and ``severity``, boolean ``is_anomaly`` and text
            ``top_columns``, which is empty for a row without reasons. In a dict, results of a row that cannot
            be read are NaN or None.

        Raises
        ------
        InputError
            For a missing column, a column with the name of a result, and for a row that cannot be read.
        """
        if isinstance(batch, pa.RecordBatch):
            scored = self._scored(pa.Table.from_batches([batch])).combine_chunks()
            # A table without rows has no batches.
            return scored.to_batches()[0] if len(scored) else pa.RecordBatch.from_pylist([], scored.schema)
        if isinstance(batch, pa.Table):
            return self._scored(batch)
        table = pa.table({name: pa.array(values) for name, values in batch.items()})
        scored = self._scored(table)
        kept = {name: batch[name] for name in self._kept(table.schema)}
        results = scored.select(scored.column_names[len(kept) :])
        return kept | {name: results.column(name).to_numpy() for name in results.column_names}

    def schema(self, batches: pa.Schema) -> pa.Schema:
        """Return the schema of the results for batches with a schema; opens no model."""
        results = self._result_fields()
        return pa.schema([batches.field(name) for name in self._kept(batches)] + results)

    def _scored(self, table: pa.Table) -> pa.Table:
        check_no_clash(BATCH, table.column_names, self._prefix)
        kept = table.select(self._kept(table.schema))
        results = [pa.nulls(0, field.type) for field in self._result_fields()]
        if len(table):
            results = self._results(table)
        for field, column in zip(self._result_fields(), results, strict=True):
            kept = kept.append_column(field, column)
        return kept

    def _results(self, table: pa.Table) -> list[pa.ChunkedArray]:
        """Return the columns of results; those of rows that cannot be read are null."""
        opened, scorer = _opened(self._model, self.model_id, self._explain, self._tail)
        read = table if scorer.names else table.select([self._images_of(table)])
        with opened.adapter.batch(read) as source:
            blocks = list(score_blocks(scorer, source, self._block_results, jobs=1))
        results = pa.concat_tables([block.results for block in blocks])
        reasons = {row.number: row.reason for block in blocks for row in block.rejected}
        if reasons:
            results = results.take(_places(np.concatenate([block.numbers for block in blocks]), len(table)))
        if self._on_bad_row == "error":
            return list(results.columns)
        return [*results.columns, arrow_texts([reasons.get(number) for number in range(1, len(table) + 1)])]

    def _block_results(self, block: ScoredBlock) -> _BlockResults:
        scored = block.scored if self._on_bad_row == "null" else all_scored(block)
        columns = result_columns(scored, reason_texts(scored))
        return _BlockResults(pa.table(columns, RESULT_COLUMNS), scored.rows.numbers, block.rejected)

    def _images_of(self, table: pa.Table) -> str:
        """Return the name of the column of images."""
        if self._image_column is None:
            raise InputError("the model was fitted on images; name their column with image_column=")
        if self._image_column not in table.column_names:
            raise SourceError(BATCH, None, f"has no column {self._image_column!r}, which image_column= names")
        return self._image_column

    def _kept(self, schema: pa.Schema) -> list[str]:
        if self._columns is None:
            return list(schema.names)
        if unknown := [name for name in self._columns if name not in schema.names]:
            raise SourceError(BATCH, None, f"has no column {unknown[0]!r}, which columns= names")
        return list(self._columns)

    def _result_fields(self) -> list[pa.Field]:
        fields = list(map(pa.field, result_names(self._prefix), _RESULT_TYPES))
        return fields + ([pa.field(self._prefix + ERROR, pa.string())] if self._on_bad_row == "null" else [])


class _BlockResults(NamedTuple):
    """Results of the rows of a block that have a score, the numbers of those rows, and the other rows."""

    results: pa.Table
    numbers: NDArray[np.int64]
    rejected: Sequence[Rejected]


def _places(numbers: NDArray[np.int64], n_rows: int) -> pa.Array:
    """Return the place of each row among those with a score, null for a row without one."""
    places = np.full(n_rows, -1, dtype=np.int64)
    places[numbers - 1] = np.arange(len(numbers))
    array = arrow_numbers(places)
    return pc.if_else(pc.less(array, arrow_numbers(np.zeros(1, dtype=np.int64))[0]), null(array.type), array)


@lru_cache(maxsize=4)
def _opened(model: str | bytes, model_id: str, explain: Explain, tail: Tail) -> tuple[OpenedModel, AnyScorer]:
    """Return a model and its scorer; each process opens a model once."""
    content = model_content(model)
    if digest(content) != model_id:
        raise InputError(
            f"{model!r}: is not the model file that the job began with ({model_id}); give ArrowScorer the "
            f"content of the file, or leave the file as it is until the job ends"
        )
    opened = open_content(content)
    return opened, opened.adapter.scorer(explain=explain, tail=tail)
