"""Registry: the served models, by name and version."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.cores import n_cores
from anomaly_vae.errors import InputError, ModelFileError
from anomaly_vae.persistence import load_with_dialect
from anomaly_vae_pipelines.io.files import file_digest
from anomaly_vae_pipelines.records import Rejected, Rows, ScoredRows
from anomaly_vae_pipelines.scoring.adapters import AnyModel, AnyScorer, adapter_of
from anomaly_vae_pipelines.scoring.tables import reference_maker
from anomaly_vae_pipelines.service.errors import UnknownModelError
from anomaly_vae_pipelines.service.models.batching import Batcher
from anomaly_vae_pipelines.service.models.files import DEFAULT_VERSION
from anomaly_vae_pipelines.service.models.history import History
from anomaly_vae_pipelines.service.models.inputs import ModelInputs, inputs_of
from anomaly_vae_pipelines.service.models.parse_queue import ParseQueue
from anomaly_vae_pipelines.service.models.recent_drift import RecentDrift
from anomaly_vae_pipelines.service.models.statistics import ScoreStatistics
from anomaly_vae_pipelines.service.settings import Settings

if TYPE_CHECKING:
    import pandas as pd


class ServedModel:
    """One version of a model, ready to score.

    Parameters
    ----------
    name, version : str
    model : detector or Pipeline
    model_id : str
        First digits of the SHA-256 of its file; empty for a model without a file.
    seconds : float
        Duration of loading it.
    dialect : mapping or None
        How CSV is read, as the model file stores it.
    """

    def __init__(
        self,
        name: str,
        version: str,
        model: AnyModel,
        model_id: str = "",
        *,
        seconds: float = 0.0,
        dialect: Mapping[str, Any] | None = None,
    ) -> None:
        self.name, self.version, self.model = name, version, model
        self.model_id, self.seconds, self.loaded_at = model_id, seconds, datetime.now(UTC)
        self._adapter = adapter_of(model, dialect)
        self.scorer: AnyScorer = self._adapter.scorer(explain="none")
        self._explainer: AnyScorer = self._adapter.scorer(explain="all", expected=True)
        self.inputs: ModelInputs = inputs_of(self.scorer, getattr(self._adapter, "reading", None))
        self.recent_drift: RecentDrift | None = None
        self.statistics = ScoreStatistics(self.detector.all_calibration_scores())

    @property
    def detector(self) -> Any:
        """The model, or the last step of a Pipeline."""
        return self.scorer.detector

    @property
    def offset(self) -> float | None:
        """The threshold, in nats; None if each key has its own."""
        return self.scorer.offset

    def offsets(self, scored: ScoredRows) -> NDArray[np.float64]:
        """The threshold of each row, shape (n_rows,), in nats."""
        return np.full(len(scored), self.offset) if scored.offsets is None else scored.offsets

    @property
    def takes_verdicts(self) -> bool:
        """Whether it can learn from verdicts: models of images and of keys cannot."""
        return self.inputs.frame is None and self.offset is not None

    @property
    def false_alarm_rate(self) -> float | None:
        """The false-alarm rate of the threshold, if it was set by a rate and is one."""
        return None if self.offset is None else self.detector.false_alarm_rate_

    def score(self, rows: Rows, explain: bool) -> tuple[ScoredRows, Sequence[Rejected]]:
        """Score and count rows; returns the scored rows, and those that cannot be read."""
        scorer = self._explainer if explain else self.scorer
        scored, rejected = scorer(rows)
        self.statistics.add(scored.scores, scored.is_anomaly)
        if self.recent_drift is not None and len(scored):
            self.recent_drift.add(scored.rows)
        return scored, rejected

    def keep_rows(self) -> None:
        """From now on keep recent rows in memory, to compare them with those of calibration.

        A model of images, or of an earlier release, has no calibration rows and keeps none.
        """
        reference = reference_maker(self.detector)
        if reference is not None:
            adapter = self._adapter
            self.recent_drift = RecentDrift(
                self.scorer.names, reference, lambda rows: adapter.scorer(explain="none", reference=rows)
            )

    def explained(self, rows: Rows) -> ScoredRows:
        """Rows that were scored before, with the reasons for their scores; they are not counted again."""
        return self._explainer(rows)[0]

    @cached_property
    def example(self) -> list[dict[str, Any]]:
        """A few generated rows as JSON; none for images and Pipelines."""
        if self.inputs.frame is not None or self.model is not self.detector:
            return []
        rows = self._generated(3)
        return [
            dict.fromkeys(self.inputs.names) | dict(zip(self.scorer.names, map(_plain, row), strict=True))
            for row in rows.itertuples(index=False)
        ]

    @property
    def kind(self) -> str:
        """The kind of the detector."""
        return str(getattr(self.detector, "kind", type(self.detector).__name__))

    def _generated(self, n_rows: int) -> pd.DataFrame:
        """Generated rows of a table; a scorer does so without torch."""
        if hasattr(self.detector, "expected_rows"):
            return cast("pd.DataFrame", self.detector.expected_rows(n_rows))
        import pandas as pd

        return pd.DataFrame(self.detector.sample(n_rows, random_state=0))


def _plain(cell: Any) -> Any:
    """A cell as a JSON value; numbers are rounded to four digits."""
    if isinstance(cell, float):
        return float(f"{cell:.4g}") if math.isfinite(cell) else None
    if isinstance(cell, bool | int | str):
        return cell
    if cell is None or cell != cell:
        return None
    return cell.item() if hasattr(cell, "item") else str(cell)


class Registry:
    """The served models. Only the event loop changes it; any thread may read it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._n_threads = n_cores()
        self._executor = ThreadPoolExecutor(self._n_threads, thread_name_prefix="score")
        self.parse_queue = ParseQueue(settings.max_wait)
        self.history = History(settings.history)
        self._served: dict[str, dict[str, tuple[ServedModel, Batcher]]] = {}

    @property
    def names(self) -> list[str]:
        """Names of the models, in the order in which they were added."""
        return list(self._served)

    def versions(self, name: str) -> list[str]:
        """Versions of a model, the newest last; raises UnknownModelError."""
        if name not in self._served:
            raise UnknownModelError("model", name, self.names)
        return sorted(self._served[name], key=version_order)

    def put(self, served: ServedModel) -> ServedModel:
        """Serve a model; one with the same name and version finishes the requests that it already has."""
        self.history.open_model(served.name)
        if self.history.kept != "off":
            served.keep_rows()
        served.inputs = served.inputs.named_by(self._settings.ids)
        batcher = Batcher(
            partial(self._score, served),
            self._executor,
            joins=served.inputs.joins,
            wait=self._settings.batch_wait,
            max_wait=self._settings.max_wait,
            n_threads=self._n_threads,
        )
        versions = self._served.get(served.name, {})
        self._served = self._served | {served.name: versions | {served.version: (served, batcher)}}
        return served

    def get(self, name: str | None = None, version: str | None = None) -> tuple[ServedModel, Batcher]:
        """A model and its batcher; by default the newest version, and the only model."""
        if name is None:
            if len(self._served) != 1:
                names = ", ".join(self.names)
                raise InputError(f"several models are served ({names}); name one with ?model=")
            name = self.names[0]
        versions = self.versions(name)
        if version is not None and version not in versions:
            raise UnknownModelError(f"version of model {name!r}", version, versions)
        return self._served[name][versions[-1] if version is None else version]

    def _score(self, served: ServedModel, rows: Rows, explain: bool) -> tuple[ScoredRows, Sequence[Rejected]]:
        """Score rows with a model, and keep what the history is to show of them."""
        scored, rejected = served.score(rows, explain)
        self.history.add(served, scored)
        return scored, rejected

    def close(self) -> None:
        """Wait for the threads, and end them."""
        self._executor.shutdown()
        self.parse_queue.close()
        self.history.close()

    def all(self) -> list[ServedModel]:
        """Every version of every model."""
        return [self.get(name, version)[0] for name in self.names for version in self.versions(name)]


def serve_models(models: AnyModel | Mapping[str, AnyModel], settings: Settings) -> Registry:
    """A registry of fitted models without files; a single one is called "model"."""
    named = models if isinstance(models, Mapping) else {"model": models}
    registry = Registry(settings)
    for name, model in named.items():
        registry.put(ServedModel(name, DEFAULT_VERSION, model))
    return registry


def load_served(name: str, version: str, path: str, *, isolated: bool = False) -> ServedModel:
    """The model of a file, checked by its self-test and ready to score; raises ModelFileError.

    With ``isolated=True`` a child process with limits loads it first.
    """
    started, model_id = time.perf_counter(), _digest(path)
    model, dialect = load_with_dialect(path, isolated=isolated)
    if _digest(path) != model_id:
        raise ModelFileError(f"{path}: changed while it was read; it will be read again")
    seconds = round(time.perf_counter() - started, 3)
    return ServedModel(name, version, model, model_id, seconds=seconds, dialect=dialect)


def _digest(path: str) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be opened ({error.strerror})") from error


def version_order(version: str) -> tuple[int, int, str]:
    """Sort key of versions: numbers come last, by size."""
    return (1, int(version), "") if version.isdecimal() else (0, 0, version)
