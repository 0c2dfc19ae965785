"""Scorer: scores rows of a table, and rejects rows with cells that the model cannot read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeGuard

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_vae.errors import CellError, InputError, StepError
from anomaly_vae.tails import Tail
from anomaly_vae_pipelines.arrow_arrays import arrow_numbers, arrow_texts
from anomaly_vae_pipelines.arrow_text import row_as_json
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.reasons import Cells, Reasons, no_cells
from anomaly_vae_pipelines.records import NumberRows, Rejected, Rows, ScoredRows, no_scores
from anomaly_vae_pipelines.scoring.options import Explain
from anomaly_vae_pipelines.sources.cells import check_types, is_floating, scoring_frame, scoring_matrix

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from anomaly_vae.detectors.tabular import TabularVAEDetector
    from anomaly_vae.drift.reference import Reference
    from anomaly_vae.scorer import TableScorer

Model: TypeAlias = "TableScorer | TabularVAEDetector | Pipeline"
Bools = NDArray[np.bool_]

MAX_UNREADABLE = 100
"""The most rows of a block that a Pipeline may reject; if it rejects more, the whole block is an error."""

N_REASONS = 3
"""Number of columns given as reasons for a row."""


class Scored(NamedTuple):
    """The rows that were scored, and the rows that could not be scored."""

    rows: ScoredRows
    rejected: list[Rejected]


class Scorer:
    """Scores rows with a fitted detector, or with a Pipeline that ends in one.

    The result of a row depends on that row alone, not on the block that contains it. The one exception is a
    Pipeline: it receives a text column as numbers if all cells of the block are numbers.

    Parameters
    ----------
    model : TableScorer, TabularVAEDetector or Pipeline
        A fitted model with column names.
    explain : {"flagged", "all", "none"}
        Which rows get reasons.
    expected : bool
        Whether reasons contain the observed and the expected value, which needs a reconstruction.
    offset : float, optional
        Scores below it are anomalous, in nats; the model's own threshold by default.
    tail : {"empirical", "gpd"}
        Whether p-values below the lowest calibration score are estimated.
    texts : frozenset of str
        Columns that a Pipeline receives as text even if all cells are numbers.
    reference : Reference, optional
        The calibration rows of the model, if rows are also compared with them.
    n_reasons : int
        Most columns given as reasons for a row.

    Attributes
    ----------
    names : tuple of str
        Columns that the model reads.
    numeric : frozenset of str
        Those columns that are read as numbers.
    offset : float or None
        The threshold in nats; None if each key has its own.

    Raises
    ------
    InputError
        For an offset where each key has its own threshold, a model without column names, and for too few
        calibration rows for a tail; when called, for rows that a Pipeline cannot read.
    """

    def __init__(
        self,
        model: Model,
        *,
        explain: Explain = "flagged",
        expected: bool = False,
        offset: float | None = None,
        tail: Tail = "empirical",
        texts: frozenset[str] = frozenset(),
        reference: Reference | None = None,
        n_reasons: int = N_REASONS,
    ) -> None:
        self._texts, self.reference, self._n_reasons = texts, reference, n_reasons
        self.model, self.explain, self.expected = model, explain, expected
        self.detector = final_detector(model)
        self.offset = offset_of(self.detector) if offset is None else offset
        self.names = model_columns(model)
        self.numeric = _numeric_columns(model)
        self._decide = self.detector.decider(offset, tail)
        self._kinds = {column.name: column.kind for column in self.detector.schema_.columns}

    def __call__(self, rows: Rows) -> Scored:
        """Score rows; rows with a cell that the model cannot read are rejected."""
        rejected: list[Rejected] = []
        while len(rows):
            try:
                return Scored(self._score(rows), rejected)
            except CellError as error:
                wrong = _same_cells(rows, error)
                problem = f"column {error.column!r}: wanted {error.wanted}, got {error.value!r}"
                rejected += [_rejected(rows, int(i), problem) for i in np.flatnonzero(wrong)]
            except ValueError as error:  # from a step of a Pipeline, which does not name the row
                if isinstance(error, InputError) and not isinstance(error, StepError):
                    raise
                reasons = self._unreadable(rows, 0, len(rows), {})
                if not 0 < len(reasons) <= MAX_UNREADABLE:
                    raise _all_unreadable(rows, error) from error
                rejected += [
                    _rejected(rows, row, f"cannot be read by the model ({reason})")
                    for row, reason in reasons.items()
                ]
                wrong = np.isin(np.arange(len(rows)), list(reasons))
            rows = rows.take(~wrong)
        return Scored(no_scores(rows), rejected)

    def _score(self, rows: Rows) -> ScoredRows:
        X = self.prepared(rows)
        scores, p_values, severities, flagged, offsets = self._decide(X)
        unseen = self.detector.unseen(X)
        reasons, drift = self._reasons(X, flagged, unseen), None
        if self.reference is not None:
            drift = self.detector.drift_rows(X, self.reference, rows.numbers, scores)
        own = offsets if self.offset is None else None
        return ScoredRows(rows, scores, p_values, severities, flagged, reasons, unseen, drift, own)

    def prepared(self, rows: Rows) -> Any:
        """Return the input of the detector: the columns, after the steps of a Pipeline."""
        if isinstance(rows, NumberRows):
            return self._with_names(rows.values)
        matrix = self._matrix(rows)
        if matrix is not None:
            return matrix
        if not is_pipeline(self.model):
            table = rows.table.select(list(self.names))
            check_types(table, self._kinds, rows.source)
            return scoring_frame(table, source=rows.source)
        maybe_numbers = [name for name in self.names if name not in self._texts]
        frame = scoring_frame(rows.table.select(list(self.names)), maybe_numbers, rows.source)
        return self.model[:-1].transform(frame) if len(self.model) > 1 else frame

    def _matrix(self, rows: Rows) -> NDArray[np.float64] | None:
        """Return the columns as an array if all are numbers and the detector takes one."""
        if not hasattr(self.detector, "takes_arrays") or not self.numeric.issuperset(self.names):
            return None
        table = rows.table.select(list(self.names))
        if self.expected and not all(map(is_floating, table.schema.types)):  # integers are shown as such
            return None
        return scoring_matrix(table)

    def _with_names(self, values: NDArray[np.float64]) -> Any:
        """Return numbers in the form that the detector takes without a warning."""
        if hasattr(self.detector, "takes_arrays"):
            return values
        import pandas as pd

        return pd.DataFrame(values, columns=self.names, copy=False)

    def _reasons(self, X: Any, flagged: Bools, unseen: Mapping[str, Bools]) -> Reasons:
        chosen = np.flatnonzero(flagged | (self.explain == "all"))
        if self.explain == "none" or not len(chosen):
            return Reasons()
        observed = X.iloc[chosen] if hasattr(X, "iloc") else X[chosen]
        explained = self.detector.explain_shares(observed, n_columns=self._n_reasons)
        positions = chosen.tolist()
        cells = self._cells(observed, positions) if self.expected else no_cells

        def unseen_value(row: int, name: str) -> str | None:
            if name not in unseen or not unseen[name][row]:
                return None
            return _text(_cell(X, row, self.detector.schema_.names.index(name)))

        return Reasons(dict(zip(positions, explained, strict=True)), cells, unseen_value)

    def _cells(self, observed: Any, positions: Sequence[int]) -> Cells:
        """Return what gives both values of a reason, if the detector read its column as it is in the file."""
        names, places = list(getattr(observed, "columns", self.names)), dict(zip(positions, count()))
        expected = self.detector.reconstruct(observed)

        def cells(row: int, name: str) -> tuple[str | None, str | None]:
            if name not in names:
                return None, None
            at, place = names.index(name), places[row]
            return _text(_cell(observed, place, at)), _text(_cell(expected, place, at))

        return cells

    def _unreadable(self, rows: Rows, start: int, stop: int, found: dict[int, str]) -> dict[int, str]:
        """Find by bisection the rows from start to stop that a step of the Pipeline rejects, and why."""
        if len(found) > MAX_UNREADABLE:
            return found
        chosen = np.zeros(len(rows), dtype=bool)
        chosen[start:stop] = True
        try:
            self.prepared(rows.take(chosen))
        except ValueError as error:
            if stop - start == 1:
                found[start] = _first_line(error)
            else:
                middle = (start + stop) // 2
                self._unreadable(rows, start, middle, found)
                self._unreadable(rows, middle, stop, found)
        return found


def final_detector(model: Model) -> TableScorer | TabularVAEDetector:
    """Return the detector itself, or the last step of a Pipeline."""
    return model[-1] if is_pipeline(model) else model


def has_keys(detector: object) -> bool:
    """Whether a detector has a model and a threshold for each key; its class is not imported."""
    return hasattr(detector, "model_of")


def offset_of(detector: Any) -> float | None:
    """Return the threshold of a detector in nats; None if each key has its own."""
    return None if has_keys(detector) else float(detector.offset_)


def one_offset(detector: Any, what: str) -> float:
    """Return the threshold of a detector in nats; raises InputError if each key has its own.

    ``what`` begins the message: what needs one threshold.
    """
    offset = offset_of(detector)
    if offset is None:
        raise InputError(
            f"{what} a model with one threshold, and this one has a threshold for each key; fit one without "
            "--key"
        )
    return offset


def reference_maker(detector: object) -> Callable[[], Reference] | None:
    """Return what gives the calibration rows of a detector; None if it is not of tables, or kept none."""
    return getattr(detector, "drift_reference", None) if hasattr(detector, "learning_") else None


def is_pipeline(model: object) -> TypeGuard[Pipeline]:
    """Whether a model is a Pipeline; its class is not imported."""
    return hasattr(model, "steps")


def model_columns(model: Model) -> tuple[str, ...]:
    """Return the names of the columns that a model reads; raises InputError if it has none."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise InputError("the model was fitted on an array without column names; fit it on a DataFrame")
    return tuple(map(str, names))


def read_columns(model: Model) -> tuple[str, ...]:
    """Return the names of the columns that a model reads, if it has names, without identifiers."""
    if not hasattr(model, "feature_names_in_"):
        return ()
    columns = () if is_pipeline(model) else final_detector(model).schema_.columns
    omitted = {column.name for column in columns if column.kind == "identifier"}
    return tuple(name for name in model_columns(model) if name not in omitted)


def reason_texts(scored: ScoredRows) -> pa.StringArray:
    """Format the reasons of each row as one cell, empty if there are none, shape (n_rows,).

    Worst first: ``amount:-12.3 (61 %);count:-5.1 (25 %)``.
    """
    texts = arrow_texts(["", *scored.reasons.texts()])
    positions = np.zeros(len(scored), dtype=np.int64)
    positions[list(scored.reasons)] = np.arange(1, len(texts))
    return texts.take(arrow_numbers(positions))


def _numeric_columns(model: Model) -> frozenset[str]:
    """Return the columns that must be numbers; for a Pipeline these are not known."""
    if is_pipeline(model):
        return frozenset()
    return frozenset(column.name for column in model.schema_.columns if column.kind == "numeric")


def _cell(table: Any, row: int, column: int) -> Any:
    return table.iat[row, column] if hasattr(table, "iat") else table[row, column]


def _text(cell: Any) -> str:
    """Format a cell for display; numbers have four digits."""
    if isinstance(cell, float | np.floating):
        return f"{cell:.4g}"
    return "" if cell is None or type(cell).__name__ in ("NAType", "NaTType") else str(cell)


def _same_cells(rows: Rows, error: CellError) -> Bools:
    """Mark the rows in which a column has the rejected value."""
    cells = np.array(rows.cells(error.column), dtype=object)
    return np.asarray(cells == cells[error.row], dtype=bool)


def _rejected(rows: Rows, row: int, problem: str) -> Rejected:
    # The bytes of the row in its file, or JSON if the file has no lines.
    raw = row_as_json(rows.table, row) if rows.raw is None else rows.raw[row].as_py()
    return Rejected(rows.source_of(row), int(rows.numbers[row]), "cell", problem, raw, unit=rows.unit)


def _all_unreadable(rows: Rows, error: ValueError) -> SourceError:
    last, why = rows.numbers[-1], _first_line(error)
    problem = f"no row from here to line {last} can be read by the model ({why})"
    return SourceError(rows.source, int(rows.numbers[0]), problem)


def _first_line(error: ValueError) -> str:
    own = error.__cause__ if isinstance(error, StepError) else error
    return str(own).partition("\n")[0]
