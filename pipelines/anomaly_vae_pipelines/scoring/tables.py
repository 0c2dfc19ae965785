"""Scoring: rows in, scored rows out, and beside them the rows whose cells the model cannot read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from anomaly_vae.detectors.tabular import TabularVAEDetector
from anomaly_vae.errors import CellError, InputError, StepError
from anomaly_vae.thresholds import conformal_p_values
from anomaly_vae_pipelines.arrow_text import row_as_json
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.records import NumberRows, Reason, Rejected, Rows, ScoredRows
from anomaly_vae_pipelines.scoring.options import Explain
from anomaly_vae_pipelines.sources.cells import check_types, scoring_frame

Model: TypeAlias = TabularVAEDetector | Pipeline
Bools = NDArray[np.bool_]

MAX_UNREADABLE = 100
"""Rows of one piece that a Pipeline may refuse; where it is more, it is no slip."""

N_REASONS = 3
"""Columns that are named as reasons of a row."""


class Scored(NamedTuple):
    """The rows that were scored, and those that could not be."""

    rows: ScoredRows
    rejected: list[Rejected]


class Scorer:
    """Scores rows with a fitted detector, or with a Pipeline that ends in one.

    A row's result depends on that row alone, wherever the pieces begin. The one exception is a
    Pipeline: a text column whose cells are numbers throughout a piece is given to it as numbers.

    Parameters
    ----------
    model : TabularVAEDetector or Pipeline
        A fitted model that knows the names of its columns.
    explain : {"flagged", "all", "none"}
        Which rows get reasons.
    expected : bool
        Whether reasons say what was observed and expected, which costs a reconstruction.
    offset : float, optional
        Scores below it are anomalous, in nats; the model's own threshold by default.

    Attributes
    ----------
    names : tuple of str
        Columns that the model reads.
    numeric : frozenset of str
        Those of them that are to be read as numbers.

    Raises
    ------
    InputError
        For a model without names, and when called, for what a Pipeline cannot read.
    """

    def __init__(
        self,
        model: Model,
        *,
        explain: Explain = "flagged",
        expected: bool = False,
        offset: float | None = None,
    ) -> None:
        self.model, self.explain, self.expected = model, explain, expected
        self.detector = final_detector(model)
        self.offset = self.detector.offset_ if offset is None else offset
        self.names = model_columns(model)
        self.numeric = _numeric_columns(model)
        self._index = pd.Index(self.names)
        self._kinds = {column.name: column.kind for column in self.detector.schema_.columns}

    def __call__(self, rows: Rows) -> Scored:
        """The rows scored, without those that hold a cell that the model cannot read."""
        rejected: list[Rejected] = []
        while len(rows):
            try:
                return Scored(self._score(rows), rejected)
            except CellError as error:
                wrong = _same_cells(rows, error)
                rejected += [_rejected(rows, int(i), error) for i in np.flatnonzero(wrong)]
            except ValueError as error:  # of a step of a Pipeline, which names no row
                if isinstance(error, InputError) and not isinstance(error, StepError):
                    raise
                reasons = self._unreadable(rows, 0, len(rows), {})
                if not 0 < len(reasons) <= MAX_UNREADABLE:
                    raise _all_unreadable(rows, error) from error
                rejected += [_not_taken(rows, row, reason) for row, reason in reasons.items()]
                wrong = np.isin(np.arange(len(rows)), list(reasons))
            rows = rows.take(~wrong)
        none = np.empty(0)
        return Scored(ScoredRows(rows, none, none, none.astype(bool), {}), rejected)

    def _score(self, rows: Rows) -> ScoredRows:
        X = self._prepared(rows)
        scores = self.detector.score_samples(X)
        flagged = scores < self.offset
        p_values = conformal_p_values(scores, self.detector.calibration_scores_)
        return ScoredRows(rows, scores, p_values, flagged, self._reasons(X, flagged))

    def _prepared(self, rows: Rows) -> Any:
        """What the detector sees; a detector alone takes the columns as they are."""
        if isinstance(rows, NumberRows):
            return pd.DataFrame(rows.values, columns=self._index, copy=False)
        if not isinstance(self.model, Pipeline):
            table = rows.table.select(list(self.names))
            check_types(table, self._kinds, rows.source)
            return scoring_frame(table, source=rows.source)
        frame = scoring_frame(rows.table.select(list(self.names)), self.names, rows.source)
        return self.model[:-1].transform(frame) if len(self.model) > 1 else frame

    def _reasons(self, X: Any, flagged: Bools) -> dict[int, Sequence[Reason]]:
        chosen = np.flatnonzero(flagged | (self.explain == "all"))
        if self.explain == "none" or not len(chosen):
            return {}
        observed = X.iloc[chosen] if isinstance(X, pd.DataFrame) else X[chosen]
        explained = self.detector.explain(observed, n_columns=N_REASONS)
        expected = self.detector.reconstruct(observed) if self.expected else None
        return {
            int(row): [_reason(name, nats, observed, expected, k) for name, nats in reasons]
            for k, (row, reasons) in enumerate(zip(chosen, explained, strict=True))
        }

    def _unreadable(self, rows: Rows, start: int, stop: int, found: dict[int, str]) -> dict[int, str]:
        """The rows from start to stop that the steps before the detector refuse, by halving, and why."""
        if len(found) > MAX_UNREADABLE:
            return found
        chosen = np.zeros(len(rows), dtype=bool)
        chosen[start:stop] = True
        try:
            self._prepared(rows.take(chosen))
        except ValueError as error:
            if stop - start == 1:
                found[start] = _first_line(error)
            else:
                middle = (start + stop) // 2
                self._unreadable(rows, start, middle, found)
                self._unreadable(rows, middle, stop, found)
        return found


def final_detector(model: Model) -> TabularVAEDetector:
    """The detector itself, or the last step of a Pipeline."""
    detector: TabularVAEDetector = model[-1] if isinstance(model, Pipeline) else model
    return detector


def model_columns(model: Model) -> tuple[str, ...]:
    """Names of the columns that the model reads; raises InputError for a model without names."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise InputError("the model was fitted on an array without column names; fit it on a DataFrame")
    return tuple(map(str, names))


def reasons_text(reasons: Sequence[Reason]) -> str:
    """Reasons as one cell: ``name:nats;name:nats``, worst first."""
    return ";".join(f"{reason.column}:{reason.nats:.1f}" for reason in reasons)


def reason_texts(scored: ScoredRows) -> list[str]:
    """The reasons of each row as one cell, empty where there are none."""
    texts = [""] * len(scored)
    for row, reasons in scored.reasons.items():
        texts[row] = reasons_text(reasons)
    return texts


def _numeric_columns(model: Model) -> frozenset[str]:
    """Columns that must be numbers: a detector knows which, of a Pipeline it may be any."""
    if isinstance(model, Pipeline):
        return frozenset()
    return frozenset(column.name for column in model.schema_.columns if column.kind == "numeric")


def _reason(name: str, nats: float, observed: Any, expected: Any, row: int) -> Reason:
    if expected is None or not isinstance(observed, pd.DataFrame) or name not in observed.columns:
        return Reason(name, nats, None, None)
    return Reason(name, nats, _text(observed[name].iloc[row]), _text(expected[name].iloc[row]))


def _text(cell: Any) -> str:
    """A cell for a person to read; numbers to four digits."""
    if isinstance(cell, float | np.floating):
        return f"{cell:.4g}"
    return "" if cell is None or cell is pd.NA or cell is pd.NaT else str(cell)


def _same_cells(rows: Rows, error: CellError) -> Bools:
    """Where a column holds the very cell that was refused."""
    cells = np.array(rows.cells(error.column), dtype=object)
    return np.asarray(cells == cells[error.row], dtype=bool)


def _rejected(rows: Rows, row: int, error: CellError) -> Rejected:
    problem = f"column {error.column!r}: wanted {error.wanted}, got {error.value!r}"
    return Rejected(rows.source, int(rows.numbers[row]), "cell", problem, raw_row(rows, row))


def _not_taken(rows: Rows, row: int, reason: str) -> Rejected:
    problem = f"cannot be read by the model ({reason})"
    return Rejected(rows.source, int(rows.numbers[row]), "cell", problem, raw_row(rows, row))


def _all_unreadable(rows: Rows, error: ValueError) -> SourceError:
    last, why = rows.numbers[-1], _first_line(error)
    problem = f"the rows from here to line {last} cannot be read by the model ({why})"
    return SourceError(rows.source, int(rows.numbers[0]), problem)


def _first_line(error: ValueError) -> str:
    own = error.__cause__ if isinstance(error, StepError) else error
    return str(own).partition("\n")[0]


def raw_row(rows: Rows, row: int) -> bytes:
    """A row as it stands in its file, or of a file without lines as JSON."""
    if rows.raw is not None:
        raw: bytes = rows.raw[row].as_py()
        return raw
    return row_as_json(rows.table, row)
