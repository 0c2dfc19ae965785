"""Compare: what changes if a model replaces another, on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.records import VERDICT, Evaluation, Label, Rows, ScoredRows
from anomaly_vae_pipelines.runs.evaluate import scored_rows
from anomaly_vae_pipelines.runs.learn import verdicts_of
from anomaly_vae_pipelines.scoring.adapters import ImageAdapter
from anomaly_vae_pipelines.scoring.evaluation import (
    ANOMALOUS,
    NORMAL,
    evaluate_scores,
    kinds_of,
    rank_correlation,
)
from anomaly_vae_pipelines.scoring.model_files import OpenedModel
from anomaly_vae_pipelines.scoring.options import RowObserver
from anomaly_vae_pipelines.scoring.tables import one_offset, reason_texts

Floats = NDArray[np.float64]
Kinds = Callable[[Rows], NDArray[np.int8]]
_KINDS = {NORMAL: "normal", ANOMALOUS: "anomalous", 0: ""}


@dataclass(frozen=True)
class Example:
    """A row that raises an alert.

    Attributes
    ----------
    row : str
        Its line in the file, or the name of an image.
    kind : str
        "normal" or "anomalous" by its label; empty if it is not known.
    old, new : float
        Its scores, in nats.
    reasons : str
        The columns that explain it, as in ``top_columns``, by the new model if that flags it.
    """

    row: str
    kind: str
    old: float
    new: float
    reasons: str


@dataclass(frozen=True)
class Side:
    """One of the two models on the same rows.

    Attributes
    ----------
    model, model_id : str
        Its file, and the first digits of its SHA-256.
    threshold : float
        In nats.
    n_alerts, n_rows : int
        Rows below the threshold, of all rows.
    known : Evaluation or None
        Over the rows that are known to be normal or anomalous; None without such rows.
    """

    model: str
    model_id: str
    threshold: float
    n_alerts: int
    n_rows: int
    known: Evaluation | None

    @property
    def metrics(self) -> dict[str, float | None]:
        """Measures by the names that gates use."""
        known = {} if self.known is None else self.known.metrics
        return {**known, "alerts": self.n_alerts / self.n_rows}


@dataclass(frozen=True)
class Comparison:
    """Two models on the same rows.

    Attributes
    ----------
    old, new : Side
    rank_correlation : float or None
        Spearman's, between the scores; None if all scores of a model are equal.
    n_both, n_only_old, n_only_new : int
        Rows that raise an alert with both models, or with one only.
    both, only_old, only_new : sequence of Example
        Some of these rows, those that score lowest first.
    """

    old: Side
    new: Side
    rank_correlation: float | None
    n_both: int
    n_only_old: int
    n_only_new: int
    both: Sequence[Example]
    only_old: Sequence[Example]
    only_new: Sequence[Example]

    @property
    def metrics(self) -> dict[str, float | None]:
        """Measures of the new model, and the rank correlation, by the names that gates use."""
        return {**self.new.metrics, "rank_correlation": self.rank_correlation}


KNOWN_METRICS = ("recall", "precision", "false_alarms", "auroc", "average_precision")
"""Metrics that need rows known to be normal or anomalous."""

METRICS = (*KNOWN_METRICS, "alerts", "rank_correlation")
"""All metrics of a comparison."""


def compare_models(
    old: OpenedModel,
    new: OpenedModel,
    source: str,
    label: Label | None = None,
    verdicts: str | None = None,
    *,
    n_examples: int = 3,
    report: RowObserver | None = None,
) -> Comparison:
    """Score the rows of a file with two models and compare the results.

    Parameters
    ----------
    old, new : OpenedModel
        Both of tables, or both of images.
    source : str
        File of rows, or images.
    label : Label, optional
        Column of ``source`` with the true labels; rows with an empty label are not known.
    verdicts : str, optional
        File of other rows that are known, with a column ``verdict`` as for ``learn_file``.
    n_examples : int
        The most examples of each kind.
    report : RowObserver, optional
        Receives the rows of ``source`` as the new model scores them; it needs no other columns.

    Raises
    ------
    InputError
        For rows that a model cannot read, models that read different rows, and labels without a known row.
    """
    _check_kinds(old, new, label or verdicts)
    before = _passed(old, source, label=label, explained=True)
    after = _passed(new, source, label=label, explained=True, report=report)
    _check_same_rows((old, before), (new, after), source)
    known_before, known_after = [before] * (label is not None), [after] * (label is not None)
    if verdicts is not None:
        judged_before, judged_after = (_passed(model, verdicts, verdict=VERDICT) for model in (old, new))
        _check_same_rows((old, judged_before), (new, judged_after), verdicts)
        known_before, known_after = [*known_before, judged_before], [*known_after, judged_after]
    flags = before.flagged, after.flagged
    both, only_old, only_new = flags[0] & flags[1], flags[0] & ~flags[1], ~flags[0] & flags[1]
    return Comparison(
        old=_side(old, before, known_before),
        new=_side(new, after, known_after),
        rank_correlation=rank_correlation(before.scores, after.scores),
        n_both=int(both.sum()),
        n_only_old=int(only_old.sum()),
        n_only_new=int(only_new.sum()),
        both=_examples(before, after, both, n_examples),
        only_old=_examples(before, after, only_old, n_examples),
        only_new=_examples(before, after, only_new, n_examples),
    )


class _Pass(NamedTuple):
    """The rows of a file, scored by one model; ``notes`` has name and reasons of flagged rows by position."""

    scores: Floats
    flagged: NDArray[np.bool_]
    numbers: NDArray[np.int64]
    kinds: NDArray[np.int8]
    notes: dict[int, tuple[str, str]]


def _passed(
    opened: OpenedModel,
    source: str,
    *,
    label: Label | None = None,
    verdict: str | None = None,
    explained: bool = False,
    report: RowObserver | None = None,
) -> _Pass:
    adapter = opened.adapter
    scorer = adapter.scorer(explain="flagged" if explained else "none")
    columns = [label.column] if label else [verdict] if verdict else []
    parts: list[_Pass] = []
    n_rows = 0
    for piece in scored_rows(scorer, adapter.inputs([source]), columns):
        if report is not None:
            report.observe(piece)
        notes = _notes(piece, n_rows) if explained else {}
        kinds = _kinds(piece.rows, label, verdict)
        parts.append(_Pass(piece.scores, piece.is_anomaly, piece.rows.numbers, kinds, notes))
        n_rows += len(piece)
    if not n_rows:
        raise InputError(f"{source}: has no rows; give a file with rows to compare the models on")
    return _Pass(
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.flagged for part in parts]),
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.kinds for part in parts]),
        {position: note for part in parts for position, note in part.notes.items()},
    )


def _kinds(rows: Rows, label: Label | None, verdict: str | None) -> NDArray[np.int8]:
    if label is not None:
        return kinds_of(rows, label)
    if verdict is not None:
        return verdicts_of(rows, verdict).astype(np.int8)
    return np.zeros(len(rows), dtype=np.int8)


def _notes(piece: ScoredRows, start: int) -> dict[int, tuple[str, str]]:
    reasons = reason_texts(piece)
    positions = np.flatnonzero(piece.is_anomaly).tolist()
    return {start + k: (piece.rows.name_of(k), reasons[k].as_py()) for k in positions}


def _side(opened: OpenedModel, one: _Pass, known: Sequence[_Pass]) -> Side:
    offset = opened.detector.offset_
    evaluation = _evaluated(known, offset) if known else None
    return Side(opened.path, opened.model_id, offset, int(one.flagged.sum()), len(one.scores), evaluation)


def _evaluated(parts: Sequence[_Pass], offset: float) -> Evaluation:
    kinds = np.concatenate([part.kinds for part in parts])
    known = kinds != 0
    if not known.any():
        raise InputError("no row is known to be normal or anomalous; the labels and verdicts are empty")
    scores = np.concatenate([part.scores for part in parts])[known]
    anomalous, n_unlabelled = kinds[known] == ANOMALOUS, int((~known).sum())
    return evaluate_scores(scores, anomalous, scores < offset, offset, n_unlabelled=n_unlabelled)


def _examples(before: _Pass, after: _Pass, group: NDArray[np.bool_], n_examples: int) -> list[Example]:
    """Rows of a group, the lowest score first, by the new model if it flags them."""
    positions = np.flatnonzero(group)
    shown = after if positions.size and after.flagged[positions[0]] else before
    lowest = positions[np.argsort(shown.scores[positions], kind="stable")][:n_examples].tolist()
    return [
        Example(
            row=shown.notes[position][0],
            kind=_KINDS[int(after.kinds[position])],
            old=float(before.scores[position]),
            new=float(after.scores[position]),
            reasons=shown.notes[position][1],
        )
        for position in lowest
    ]


def _check_kinds(old: OpenedModel, new: OpenedModel, known: object) -> None:
    for model in (old, new):
        one_offset(model.detector, f"{model.path}: a comparison needs")
    kinds = ["images" if isinstance(model.adapter, ImageAdapter) else "a table" for model in (old, new)]
    if kinds[0] != kinds[1]:
        problem = f"{old.path} was fitted on {kinds[0]}, and {new.path} on {kinds[1]}"
        raise InputError(f"{problem}; wanted two models of the same kind")
    if kinds[0] == "images" and known:
        raise InputError(f"{new.path}: was fitted on images, without labels or verdicts; leave them out")


def _check_same_rows(old: tuple[OpenedModel, _Pass], new: tuple[OpenedModel, _Pass], source: str) -> None:
    if np.array_equal(old[1].numbers, new[1].numbers):
        return
    counts = ", and ".join(f"{model.path} reads {len(one.numbers):,} rows" for model, one in (old, new))
    raise InputError(f"{source}: {counts}; state how it is written (--header, --sep) so that they agree")
