"""Refit: fits a model on new rows like an earlier one: its columns, kinds, threshold rule and verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from anomaly_vae.errors import InputError
from anomaly_vae.model_file.provenance import PROVENANCE
from anomaly_vae.persistence import read_metadata
from anomaly_vae.scorer import TableScorer
from anomaly_vae.thresholds import fence_offset
from anomaly_vae_pipelines.dialects.dialect import NOTHING, Given
from anomaly_vae_pipelines.dialects.forms import ColumnForm, TextForm
from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.io.files import replacing
from anomaly_vae_pipelines.io.overwriting import check_no_overwriting
from anomaly_vae_pipelines.plurals import counted, listed
from anomaly_vae_pipelines.records import FitSummary, Label
from anomaly_vae_pipelines.runs.fit import Rule, fit_file
from anomaly_vae_pipelines.runs.learn import learn_file
from anomaly_vae_pipelines.runs.threshold import threshold_fields
from anomaly_vae_pipelines.scoring.adapters import TableAdapter
from anomaly_vae_pipelines.scoring.model_files import OpenedModel, open_model
from anomaly_vae_pipelines.sources import open_source

_MOST_NAMED = 5


@dataclass(frozen=True)
class Refitted:
    """A model that was fitted again, and what changed, in words, by what it is about."""

    summary: FitSummary
    changes: Mapping[str, str]


def refit_file(
    train: str,
    old: str,
    output: str,
    *,
    label: Label | None = None,
    verdicts: Sequence[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    given: Given = NOTHING,
    rule: Rule | None = None,
    force: bool = False,
    command: str | None = None,
) -> Refitted:
    """Fit a model on the rows of a file like an earlier model, and save it.

    Parameters
    ----------
    train, old, output : str
        The file of rows, the model file whose columns, parameters and rules are taken, and the new one.
    label : Label, optional
        As in ``fit_file``.
    verdicts : sequence of str, optional
        Files of verdicts to learn from after the fit; by default those that the file of the earlier model
        names.
    parameters : mapping, optional
        Parameters of TabularVAEDetector that differ from those of the earlier model.
    given : Given
        What the user said about how the file is read.
    rule : Rule, optional
        Of the threshold; that of the earlier model by default.
    force, command
        As in ``fit_file``.

    Raises
    ------
    InputError
        For a model of images or a Pipeline, a file without one of its columns, and verdicts that are not
        there any more.
    """
    opened = open_model(old)
    before = _detector(opened)
    files = _verdict_files(old, before) if verdicts is None else verdicts
    check_no_overwriting({"-o": output}, [train, *files])
    reading = Reading.from_json(opened.dialect, (), NOTHING)
    chosen = _rule(old, before) if rule is None else rule
    columns = [column.name for column in before.schema_.columns]
    with replacing(output, force=force) as temporary:
        path = str(temporary)
        summary = fit_file(
            train,
            path,
            label=label,
            parameters={**before.metadata()["parameters"], **(parameters or {})},
            given=_given(given, reading, before),
            columns=columns,
            **chosen._asdict(),
            command=command,
            parent=opened.model_id,
        )
        learned = [learn_file(path, file, path, force=True, command=command) for file in files]
        after = _detector(open_model(path))
    changes = dict(_changes(before, after, train, given, columns, label))
    if learned:
        n_verdicts = counted(learned[-1].n_remembered, "verdict")
        changes["verdicts"] = f"learned again from {n_verdicts} in {', '.join(files)}"
    return Refitted(replace(summary, **threshold_fields(after, output)), changes)


def _detector(opened: OpenedModel) -> TableScorer:
    """The detector of a model; raises InputError unless it is one of a table, without other steps."""
    adapter = opened.adapter
    if not isinstance(adapter, TableAdapter) or not isinstance(opened.model, TableScorer):
        raise InputError(f"{opened.path}: is not a model of a table without other steps; leave out --from")
    return opened.model


def _verdict_files(path: str, detector: TableScorer) -> list[str]:
    """The files that a model learned from; raises InputError if one of them is not there."""
    if not hasattr(detector, "learning_") or not len(detector.verdicts_):
        return []
    steps = read_metadata(path).get(PROVENANCE, [])
    named = [step["data"]["name"] for step in steps if step.get("step") == "learn" and "data" in step]
    files = [name for name in dict.fromkeys(named) if Path(name).is_file()]
    if not files or len(files) < len(set(named)):
        n_verdicts = counted(len(detector.verdicts_), "verdict")
        missing = next((name for name in named if name not in files), "no file that it names")
        problem = f"{path}: learned from {n_verdicts}, but {missing} is not there"
        raise InputError(f"{problem}; give --verdicts FILE, or --no-verdicts to fit without them")
    return files


def _rule(path: str, detector: TableScorer) -> Rule:
    """The rule of the threshold of a model, as it was before verdicts; raises InputError if there is none."""
    if hasattr(detector, "learning_") and len(detector.verdicts_):
        detector = detector.forget(last=len(detector.verdicts_))
    rate, scores = detector.false_alarm_rate_, detector.calibration_scores_
    if rate is not None:
        return Rule(rate, None, detector.tail_ or "empirical")
    if np.isclose(detector.offset_, fence_offset(scores), 1e-9, 0.0):
        return Rule()
    share = float((scores < detector.offset_).mean())
    if not 0 < share <= 0.5:
        wanted = "wanted more than 0 % and at most 50 %, to flag the same share of other rows"
        problem = f"its threshold flags {100 * share:.3g} % of the calibration rows; {wanted}"
        raise InputError(f"{path}: {problem}; give --false-alarm-rate or --contamination")
    return Rule(None, share)


def _given(given: Given, reading: Reading, detector: TableScorer) -> Given:
    """What the user said, and what the earlier model says about how its columns are read."""
    stored = reading.stored
    kinds = {column.name: column.kind for column in detector.schema_.columns}
    texts = {name: ColumnForm(TextForm()) for name, kind in kinds.items() if kind == "categorical"}
    forms = {name: form for name, form in reading.forms.items() if not form.has_only_marks}
    columns = {**texts, **forms, **given.columns}
    if stored is None:
        return replace(given, columns=columns)
    return replace(
        given,
        columns=columns,
        header=False if given.header is None and not stored.header else given.header,
        missing=tuple(dict.fromkeys((*stored.missing, *given.missing))),
        values=tuple(dict.fromkeys((*stored.values, *given.values))),
    )


def _changes(
    before: TableScorer,
    after: TableScorer,
    train: str,
    given: Given,
    columns: Sequence[str],
    label: Label | None,
) -> Iterator[tuple[str, str]]:
    """What differs between two models, by what it is about."""
    rows = [detector.training_["n_rows"] for detector in (before, after)]
    yield "rows", f"trained on {rows[1]:,}, was {rows[0]:,}"
    former = {column.name: column.kind for column in before.schema_.columns}
    kinds = {column.name: column.kind for column in after.schema_.columns}
    changed = [
        f"{name} is {kind}, was {former[name]}" for name, kind in kinds.items() if kind != former[name]
    ]
    yield "kinds", listed(changed, _MOST_NAMED) or "the same"
    with open_source(train, reading=Reading(given)) as source:
        own = [*columns, *([label.column] if label else [])]
        new = [name for name in source.columns if name not in own]
    yield "not used", listed(new, _MOST_NAMED) or "none"
    yield "threshold", f"{after.offset_:.4g} nats, was {before.offset_:.4g}"
