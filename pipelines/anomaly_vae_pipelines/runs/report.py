"""Report: what a model learned, and what it finds in rows as they are scored, as JSON values."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.records import Evaluation, Label, ScoredRows
from anomaly_vae_pipelines.runs.drift_sample import sample_drift
from anomaly_vae_pipelines.runs.evaluate import scored_rows
from anomaly_vae_pipelines.runs.model_facts import model_facts
from anomaly_vae_pipelines.runs.peers import sample_peers
from anomaly_vae_pipelines.runs.report_rows import ReportRows
from anomaly_vae_pipelines.runs.scored_sample import ScoredSample
from anomaly_vae_pipelines.scoring.adapters import TableAdapter
from anomaly_vae_pipelines.scoring.model_files import OpenedModel

N_COLUMNS = 8
"""Most columns that are shown for each of the worst rows."""

DRIFT_RATE = 0.01
"""The most that the probability of drift in rows like those of calibration may be."""

_YEAR = 365 * 86_400.0


class Report:
    """Observes the scored rows of a run, from which it makes the content of a report in bounded memory.

    Parameters
    ----------
    opened : OpenedModel
        A model of a table, with whose threshold the rows are scored.
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
        For a model of images.
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
        adapter = table_adapter(opened)
        self._opened, self._sources, self._label, self._peers = opened, list(sources), label, peers
        # The reasons of the few rows that are shown are made again, with values and of more columns.
        self._detailed = adapter.scorer(explain="all", expected=True, n_reasons=N_COLUMNS)
        self._rows = ReportRows(
            self._detailed.offset,
            adapter.detector.calibration_scores_,
            lambda row: self._detailed(row).rows.reasons[0],
            label,
            time,
        )
        self._sample = ScoredSample()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it needs besides those of the model."""
        return self._rows.columns

    def observe(self, scored: ScoredRows) -> None:
        """Add the next rows, of which those that are flagged have reasons; raises SourceError for a time."""
        self._rows.observe(scored)
        self._sample.add(scored)

    def check(self) -> None:
        """Raise InputError for a label without both kinds of rows, and warn of values never seen."""
        self._rows.check()

    def content(self, *, n_rejected: int = 0, evaluation: Evaluation | None = None) -> dict[str, Any]:
        """Return the content; warns of times that may be numbers of rows.

        ``n_rejected`` is the number of rows that could not be read. ``evaluation`` is of the same rows, and
        adds what needs all scores.
        """
        rows = self._rows.content()
        _warn_of_counts(rows["by_time"])
        of_ranking = ("auroc", "average_precision")
        data = {
            "sources": self._sources,
            "n_rejected": n_rejected,
            **rows,
            "ranking": None
            if evaluation is None
            else {name: getattr(evaluation, name) for name in of_ranking},
            "drift": self._drift(),
            "peers": self._compared() if self._peers else None,
        }
        return {"model": model_facts(self._opened), "data": data}

    def _drift(self) -> dict[str, Any]:
        detailed = self._detailed
        try:
            reference = detailed.detector.drift_reference()
        except InputError as error:  # of an earlier release, which kept too little
            return {"problem": str(error)}
        found = sample_drift(self._sample.sampled(), detailed, reference, DRIFT_RATE)
        return {"problem": None, **asdict(found), "drifted": found.drifted, "moved": list(found.moved)}

    def _compared(self) -> dict[str, Any]:
        return sample_peers(self._sample.sampled(), self._detailed, self._detailed.offset, self._label)


def report_files(
    opened: OpenedModel,
    sources: Sequence[str],
    label: Label | None = None,
    time: str | None = None,
    *,
    peers: bool = False,
) -> dict[str, Any]:
    """Return the content of a report about a model of a table and the rows of files, which may be none.

    The rows are read once, and memory does not grow with their number. Raises InputError for a model of
    images, for a label without both normal and anomalous rows, and as ``ScoreRun`` does.
    """
    adapter = table_adapter(opened)
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


def table_adapter(opened: OpenedModel) -> TableAdapter:
    """Return the adapter of a model; raises InputError for a model of images."""
    adapter = opened.adapter
    if not isinstance(adapter, TableAdapter):
        raise InputError(f"{opened.path}: was fitted on images, and reports are only of tables")
    return adapter
