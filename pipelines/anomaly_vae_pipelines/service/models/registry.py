"""Registry: the models that are served, by name and version; a new one takes an old one's place whole."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import joblib
import pandas as pd

from anomaly_vae.errors import InputError, ModelFileError
from anomaly_vae_pipelines.io.digests import file_digest
from anomaly_vae_pipelines.records import Rejected, Rows, ScoredRows
from anomaly_vae_pipelines.scoring.adapters import AnyModel, AnyScorer, adapter_of
from anomaly_vae_pipelines.service.errors import UnknownModelError
from anomaly_vae_pipelines.service.models.batching import Batcher
from anomaly_vae_pipelines.service.models.files import DEFAULT_VERSION
from anomaly_vae_pipelines.service.models.inputs import Form, form_of
from anomaly_vae_pipelines.service.models.parse_queue import Turns
from anomaly_vae_pipelines.service.models.statistics import ScoreStatistics
from anomaly_vae_pipelines.service.settings import Settings


@dataclass(frozen=True)
class Origin:
    """Where a model came from.

    Attributes
    ----------
    model_id : str
        First digits of the SHA-256 of its file; empty for a model that came from none.
    loaded_at : datetime
        In UTC.
    seconds : float
        That loading took.
    """

    model_id: str
    loaded_at: datetime
    seconds: float


class ServedModel:
    """One version of a model, ready to score.

    Parameters
    ----------
    name, version : str
    model : detector or Pipeline
    origin : Origin
    """

    def __init__(self, name: str, version: str, model: AnyModel, origin: Origin) -> None:
        self.name, self.version, self.origin, self.model = name, version, origin, model
        adapter = adapter_of(model)
        self.scorer: AnyScorer = adapter.scorer(explain="none")
        self._explainer: AnyScorer = adapter.scorer(explain="all", expected=True)
        self.form: Form = form_of(self.scorer)
        self.statistics = ScoreStatistics(self.detector.calibration_scores_)

    @property
    def detector(self) -> Any:
        """The detector that the model is or ends in."""
        return self.scorer.detector

    @property
    def offset(self) -> float:
        """The threshold, in nats."""
        return float(self.scorer.offset)

    def score(self, rows: Rows, explain: bool) -> tuple[ScoredRows, Sequence[Rejected]]:
        """Rows scored and counted, and those that cannot be read."""
        scorer: AnyScorer = self._explainer if explain else self.scorer
        scored, rejected = scorer(rows)
        self.statistics.add(scored.scores, scored.is_anomaly)
        return scored, rejected

    @cached_property
    def example(self) -> list[dict[str, Any]]:
        """A few made-up rows as JSON; of images, and behind the steps of a Pipeline, none."""
        if self.form.frame is not None or self.model is not self.detector:
            return []
        rows = pd.DataFrame(self.detector.sample(3, random_state=0))
        return [
            {name: _plain(cell) for name, cell in zip(self.form.names, row, strict=True)}
            for row in rows.itertuples(index=False)
        ]


def _plain(cell: Any) -> Any:
    """A cell as JSON has it; numbers to four digits, since nobody measured them."""
    if isinstance(cell, float):
        return float(f"{cell:.4g}") if math.isfinite(cell) else None
    if isinstance(cell, bool | int | str):
        return cell
    if cell is None or cell != cell:
        return None
    return cell.item() if hasattr(cell, "item") else str(cell)


class Registry:
    """The models that are served. It is changed on the event loop, and read from anywhere.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._n_threads = joblib.cpu_count()
        self._executor = ThreadPoolExecutor(self._n_threads, thread_name_prefix="score")
        self.turns = Turns(settings.max_wait)
        self._served: dict[str, dict[str, tuple[ServedModel, Batcher]]] = {}

    @property
    def names(self) -> list[str]:
        """Names of the models, in the order in which they came."""
        return list(self._served)

    def versions(self, name: str) -> list[str]:
        """Versions of a model, the newest last; raises UnknownModelError."""
        if name not in self._served:
            raise UnknownModelError("model", name, self.names)
        return sorted(self._served[name], key=version_order)

    def put(self, served: ServedModel) -> ServedModel:
        """Serve a model from now on; another of its name and version finishes the requests that it has."""
        batcher = Batcher(
            served.score,
            self._executor,
            joins=served.form.joins,
            wait=self._settings.batch_wait,
            max_wait=self._settings.max_wait,
            n_threads=self._n_threads,
        )
        versions = self._served.get(served.name, {})
        self._served = self._served | {served.name: versions | {served.version: (served, batcher)}}
        return served

    def get(self, name: str | None = None, version: str | None = None) -> tuple[ServedModel, Batcher]:
        """A model and its batcher: the newest version, and the only model, where none is named."""
        if name is None:
            if len(self._served) != 1:
                raise InputError(
                    f"several models are served ({', '.join(self.names)}); name one with ?model="
                )
            name = self.names[0]
        versions = self.versions(name)
        if version is not None and version not in versions:
            raise UnknownModelError(f"version of model {name!r}", version, versions)
        return self._served[name][versions[-1] if version is None else version]

    def close(self) -> None:
        """Let go of the threads, once they have finished."""
        self._executor.shutdown()
        self.turns.close()

    def all(self) -> list[ServedModel]:
        """Every version of every model."""
        return [self.get(name, version)[0] for name in self.names for version in self.versions(name)]


def serve_models(models: AnyModel | Mapping[str, AnyModel], settings: Settings) -> Registry:
    """A registry of fitted models that came from no file; one alone is called "model"."""
    named = models if isinstance(models, Mapping) else {"model": models}
    registry = Registry(settings)
    for name, model in named.items():
        registry.put(ServedModel(name, DEFAULT_VERSION, model, Origin("", datetime.now(UTC), 0.0)))
    return registry


def load_model(path: str, *, isolated: bool = False) -> AnyModel:
    """The model of a file. Every model file that the service reads is read here, and nowhere else.

    With ``isolated=True`` a child process with limits has to load it first.
    """
    from anomaly_vae.persistence import load

    return load(path, isolated=isolated)


def load_served(name: str, version: str, path: str, *, isolated: bool = False) -> ServedModel:
    """The model of a file, read once, checked by its self-test, ready to score; raises ModelFileError."""
    started, model_id = time.perf_counter(), _digest(path)
    model = load_model(path, isolated=isolated)
    if _digest(path) != model_id:
        raise ModelFileError(f"{path}: was written to while it was read; it will be read again")
    seconds = time.perf_counter() - started
    return ServedModel(name, version, model, Origin(model_id, datetime.now(UTC), round(seconds, 3)))


def _digest(path: str) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be opened ({error.strerror})") from error


def version_order(version: str) -> tuple[int, int, str]:
    """Order of versions: numbers by their size, after all others."""
    return (1, int(version), "") if version.isdecimal() else (0, 0, version)
