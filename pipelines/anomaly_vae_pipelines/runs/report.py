"""Report: what a model learned, and what it finds in rows as they are scored, as JSON values."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.records import Evaluation, Label, Rows, ScoredRows
from anomaly_vae_pipelines.runs.drift_sample import sample_drift
from anomaly_vae_pipelines.runs.evaluate import scored_rows
from anomaly_vae_pipelines.runs.model_facts import model_facts
from anomaly_vae_pipelines.runs.peers import sample_peers
from anomaly_vae_pipelines.runs.report_images import ShownImages
from anomaly_vae_pipelines.runs.report_rows import ReportRows, shown_reasons
from anomaly_vae_pipelines.runs.scored_sample import ScoredSample
from anomaly_vae_pipelines.scoring.adapters import ImageAdapter
from anomaly_vae_pipelines.scoring.model_files import OpenedModel
from anomaly_vae_pipelines.scoring.tables import Scorer, one_offset

N_COLUMNS = 8
"""Most columns that are shown for each of the worst rows."""

_OF_TABLES = ("groups", "drift", "peers")
"""Parts of the content that are None for images."""

_NOT_OF_IMAGES = (
    "was fitted on images, which have no columns; leave out --label, --time and --peers (anomaly-vae "
    "evaluate takes folders as labels)"
)

DRIFT_RATE = 0.01
"""The most that the probability of drift in rows like those of calibration may be."""

_YEAR = 365 * 86_400.0


class Report:
    """Observes the scored rows of a run, from which it makes the content of a report in bounded memory.

    Parameters
    ----------
    opened : OpenedModel
        The model, with whose threshold the rows or images are scored.
    sources : sequence of str
        The files that are read, by the names that the user gave.
    label : Label, optional
        Which rows are normal.
    time : str, optional
        Column of times: in ISO 8601 or in seconds.
    peers : bool
        Whether other detectors are fitted on a sample of the rows and compared.

    Raises
    ------
    InputError
        For a label, times or peers of images, which have no columns.
    """

    def __init__(
        self,
        opened: OpenedModel,
        sources: Sequence[str],
        label: Label | None = None,
        time: str | None = None,
        *,
        peers: bool = False,
    ) -> None:
        self._opened, self._sources, self._label, self._peers = opened, list(sources), label, peers
        adapter = opened.adapter
        explain: Callable[[Rows], dict[str, Any]]
        if isinstance(adapter, ImageAdapter):
            if label is not None or time is not None or peers:
                raise InputError(f"{opened.path}: {_NOT_OF_IMAGES}")
            self._detailed, explain = None, ShownImages(adapter.detector)
        else:
            # The reasons of the few rows that are shown are made again, with values and of more columns.
            detailed = adapter.scorer(explain="all", expected=True, n_reasons=N_COLUMNS)
            self._detailed, explain = detailed, lambda row: shown_reasons(detailed(row).rows.reasons[0])
        self._offset = one_offset(adapter.detector, f"{opened.path}: a report needs")
        self._rows = ReportRows(self._offset, adapter.detector.calibration_scores_, explain, label, time)
        self._sample = ScoredSample()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it needs besides those of the model."""
        return self._rows.columns

    def observe(self, scored: ScoredRows) -> None:
        """Add the next rows, of which those that are flagged have reasons; raises SourceError for a time."""
        self._rows.observe(scored)
        if self._detailed is not None:
            self._sample.add(scored)

    def check(self) -> None:
        """Raise InputError for a label without both kinds of rows, and warn of values never seen."""
        self._rows.check()

    def content(self, *, n_rejected: int = 0, evaluation: Evaluation | None = None) -> dict[str, Any]:
        """Return the content; warns of times that may be numbers of rows.

        ``n_rejected`` is the number of rows that could not be read. ``evaluation`` is of the same rows, and
        adds what needs all scores.
        """
        rows, names = self._rows.content(), ("auroc", "average_precision")
        _warn_of_counts(rows["by_time"])
        data = {
            "sources": self._sources,
            "n_rejected": n_rejected,
            **rows,
            "ranking": None if evaluation is None else {name: getattr(evaluation, name) for name in names},
        }
        detailed, peers = self._detailed, None
        if detailed is None:  # each image has reasons at other places
            return {"model": model_facts(self._opened), "data": data | dict.fromkeys(_OF_TABLES)}
        if self._peers:
            peers = sample_peers(self._sample.sampled(), detailed, self._offset, self._label)
        return {
            "model": model_facts(self._opened),
            "data": {**data, "drift": self._drift(detailed), "peers": peers},
        }

    def _drift(self, detailed: Scorer) -> dict[str, Any]:
        try:
            reference = detailed.detector.drift_reference()
        except InputError as error:  # of an earlier release, which kept too little
            return {"problem": str(error)}
        found = sample_drift(self._sample.sampled(), detailed, reference, DRIFT_RATE)
        return {"problem": None, **asdict(found), "drifted": found.drifted, "moved": list(found.moved)}


def report_files(
    opened: OpenedModel,
    sources: Sequence[str],
    label: Label | None = None,
    time: str | None = None,
    *,
    peers: bool = False,
) -> dict[str, Any]:
    """Return the content of a report about a model and the rows or images of files, which may be none.

    They are read once, and memory does not grow with their number. Raises InputError for a label without
    both normal and anomalous rows, and as ``Report`` and ``ScoreRun`` do.
    """
    adapter = opened.adapter
    if not sources:
        return {"model": model_facts(opened), "data": None}
    report = Report(opened, sources, label, time, peers=peers)
    for scored in scored_rows(adapter.scorer(), adapter.inputs(sources), report.columns):
        report.observe(scored)
    report.check()
    return report.content()


def _warn_of_counts(by_time: Mapping[str, Any] | None) -> None:
    """Warn if all times are in 1970, as numbers of rows are if they are read as seconds."""
    if by_time is None or not by_time["bins"] or by_time["bins"][0]["start"] < 0:
        return
    if by_time["bins"][-1]["start"] < _YEAR:
        problem = f"column {by_time['column']!r}: all times are before 1971, so they may be numbers of rows"
        warnings.warn(f"{problem}; name a column of times, or leave out --time", UserWarning, stacklevel=3)
