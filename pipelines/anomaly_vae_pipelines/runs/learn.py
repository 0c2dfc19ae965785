"""Learn: saves a model that learned from a file of verdicts."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae.model_file.provenance import extended
from anomaly_vae.persistence import load_with_dialect, read_metadata, save
from anomaly_vae_pipelines.dialects.missing import MISSING
from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.io.files import replacing
from anomaly_vae_pipelines.io.overwriting import check_no_overwriting
from anomaly_vae_pipelines.plurals import counted
from anomaly_vae_pipelines.records import VERDICT, VERDICT_ID, VERDICT_WORDS, Rows
from anomaly_vae_pipelines.runs.provenance import data_of, digest_of, step
from anomaly_vae_pipelines.scoring.adapters import ImageAdapter, adapter_of
from anomaly_vae_pipelines.scoring.model_files import model_id
from anomaly_vae_pipelines.scoring.tables import Model, Scorer, final_detector, is_pipeline, one_offset
from anomaly_vae_pipelines.sources import open_source, read_rows
from anomaly_vae_pipelines.sources.selection import require_columns

_MOST_COLUMNS = 3
_NOTABLE = 0.1


@dataclass(frozen=True)
class Flagged:
    """Numbers of flagged rows before and after the verdicts, of ``n_rows``."""

    before: int
    after: int
    n_rows: int


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What a model learned from a file of verdicts.

    Attributes
    ----------
    model : str
        File of the model that learned.
    n_verdicts, n_remembered, n_ignored : int
        Verdicts in the file, all that the model remembers, and rows of the file without a verdict.
    anomalous, normal, calibration : Flagged
        Of the rows judged anomalous, of those judged normal, and of the calibration rows.
    offset, former_offset : float
        The thresholds after and before, in nats.
    false_alarm_rate, tail : float or None, str or None
        Of the new threshold.
    column_weights : tuple of (str, float)
        Columns that count more or less than before, the largest change first, and how much.
    """

    model: str
    n_verdicts: int
    n_remembered: int
    n_ignored: int
    anomalous: Flagged
    normal: Flagged
    calibration: Flagged
    offset: float
    former_offset: float
    false_alarm_rate: float | None
    tail: str | None
    column_weights: tuple[tuple[str, float], ...]


class _Judged(NamedTuple):
    """Rows as the detector reads them, and their verdicts."""

    X: Any
    verdicts: NDArray[np.int64]


def learn_file(
    model: str,
    source: str,
    output: str,
    *,
    column: str = VERDICT,
    force: bool = False,
    command: str | None = None,
) -> Learned:
    """Save a model that learned from the rows of a file, which has a column of verdicts.

    Rows with an empty verdict are ignored. If the file has a column ``verdict_id``, as those of the service
    have, the last verdict of each id counts. Warns of rows with both
    verdicts. ``command`` is the command line, which the model file keeps.

    Raises
    ------
    InputError
        For a model of images or of an earlier release, a missing column, another word than in
        ``VERDICT_WORDS``, and for a file without verdicts.
    OutputExistsError
        If the output exists and ``force`` is false.
    """
    check_no_overwriting({"-o": output}, [source])
    with replacing(output, force=force) as temporary:
        parent, digest = model_id(model), digest_of([source])
        fitted, dialect = load_with_dialect(model)
        adapter = adapter_of(fitted, dialect)
        if isinstance(adapter, ImageAdapter):
            raise InputError(f"{model}: is a model of images, and only models of tables learn from verdicts")
        table_model: Model = fitted
        one_offset(adapter.detector, f"{model}: verdicts need")
        pieces, n_ignored = _read(adapter.scorer(explain="none"), source, column, adapter.reading)
        before = after = final_detector(table_model)
        for piece in pieces:
            after = after.learn(piece.X, piece.verdicts)
        data = data_of(source, digest, sum(len(piece.verdicts) for piece in pieces))
        steps = extended(read_metadata(model), step("learn", command, data=data, parent=parent))
        save(with_detector(table_model, after), temporary, dialect=dialect, provenance=steps)
    return _summary(output, before, after, pieces, n_ignored)


def with_detector(model: Model, detector: Any) -> Any:
    """Return the model with another detector at its end, as ``save`` takes it."""
    if not is_pipeline(model):
        return detector.detector()
    from anomaly_vae.model_file.pipeline import Pipeline

    return Pipeline([*model.steps[:-1], (model.steps[-1][0], detector)])


def _read(scorer: Scorer, source: str, column: str, reading: Reading) -> tuple[list[_Judged], int]:
    """The judged rows of a file, and the number of rows without a verdict."""
    with open_source(source, reading=reading) as opened:
        require_columns([column], opened, ", of verdicts; name it with --verdict")
        require_columns(scorer.names, opened, ", which the model was fitted on")
        ids = [VERDICT_ID] if VERDICT_ID in opened.columns and VERDICT_ID not in scorer.names else []
        rows = list(read_rows(opened, [*scorer.names, column, *ids], scorer.numeric))
    pieces = list(_judged(scorer, _last_of_each(rows) if ids else rows, column))
    _warn_of_contradictions(source, pieces)
    if not pieces:
        raise InputError(
            f"{source}: column {column!r} is empty; write normal or anomalous for the rows you know"
        )
    return pieces, sum(map(len, rows)) - sum(len(piece.verdicts) for piece in pieces)


def _last_of_each(pieces: list[Rows]) -> list[Rows]:
    """The rows without those that a later row with the same id replaces; rows without an id stay."""
    seen: set[str] = set()
    kept = []
    for rows in reversed(pieces):
        is_last = np.ones(len(rows), dtype=bool)
        for position, name in reversed(list(enumerate(rows.cells(VERDICT_ID)))):
            is_last[position] = not name or name not in seen
            seen.add(name)
        kept.append(rows.take(is_last))
    return kept[::-1]


def verdicts_of(rows: Rows, column: str) -> NDArray[np.int64]:
    """Return +1 or -1 for each row by its cell in ``column``, and 0 for an empty one, shape (n_rows,).

    Raises SourceError for another word than in ``VERDICT_WORDS``.
    """
    cells = zip(rows.cells(column), rows.numbers.tolist(), strict=True)
    return np.array([_verdict(*cell, rows.source, column) for cell in cells], dtype=np.int64)


def _judged(scorer: Scorer, pieces: list[Rows], column: str) -> Iterator[_Judged]:
    for rows in pieces:
        verdicts = verdicts_of(rows, column)
        if verdicts.any():
            yield _Judged(scorer.prepared(rows.take(verdicts != 0)), verdicts[verdicts != 0])


def _warn_of_contradictions(source: str, pieces: list[_Judged]) -> None:
    """Warn if the same row has both verdicts."""
    import pandas as pd

    rows = {1: set[int](), -1: set[int]()}
    for piece in pieces:
        hashes = pd.util.hash_pandas_object(pd.DataFrame(piece.X), index=False).to_numpy()
        for verdict, found in rows.items():
            found.update(hashes[piece.verdicts == verdict].tolist())
    if n_both := len(rows[1] & rows[-1]):
        which = f"{counted(n_both, 'row')} {'is' if n_both == 1 else 'are'} judged both normal and anomalous"
        problem = f"{source}: {which}; each verdict counts, so that they weaken each other: keep one per row"
        warnings.warn(problem, UserWarning, stacklevel=4)


def _verdict(cell: str, line: int, source: str, column: str) -> int:
    """+1 or -1, or 0 for an empty cell."""
    word = cell.strip().lower()
    if word in MISSING:
        return 0
    if word not in VERDICT_WORDS:
        wanted = "normal or anomalous (or 1 or -1), or nothing"
        raise SourceError(source, line, f"column {column!r}: wanted {wanted}, got {cell!r:.50}")
    return VERDICT_WORDS[word]


def _summary(output: str, before: Any, after: Any, pieces: list[_Judged], n_ignored: int) -> Learned:
    verdicts = np.concatenate([piece.verdicts for piece in pieces])
    flags = [np.concatenate([model.predict(piece.X) == -1 for piece in pieces]) for model in (before, after)]
    held_out = [model.calibration_scores_ < model.offset_ for model in (before, after)]
    return Learned(
        model=output,
        n_verdicts=len(verdicts),
        n_remembered=len(after.verdicts_),
        n_ignored=n_ignored,
        anomalous=_flagged(*(flag[verdicts == -1] for flag in flags)),
        normal=_flagged(*(flag[verdicts == 1] for flag in flags)),
        calibration=_flagged(*held_out),
        offset=after.offset_,
        former_offset=before.offset_,
        false_alarm_rate=after.false_alarm_rate_,
        tail=after.tail_,
        column_weights=_changed_columns(after),
    )


def _flagged(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Flagged:
    return Flagged(int(before.sum()), int(after.sum()), len(after))


def _changed_columns(detector: Any) -> tuple[tuple[str, float], ...]:
    """Columns whose weight changed by a tenth or more, the largest change first."""
    weights = dict(zip(detector.schema_.names, detector.column_weights_.tolist(), strict=False))
    changed = [name for name, weight in weights.items() if abs(weight - 1.0) >= _NOTABLE]
    changed.sort(key=lambda name: -abs(np.log(max(weights[name], 1e-3))))
    return tuple((name, weights[name]) for name in changed[:_MOST_COLUMNS])
