"""Ray: score a Ray Dataset, or files with one task per file (extra ``ray``)."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from anomaly_vae.errors import MissingExtraError
from anomaly_vae_pipelines.dialects.dialect import Given
from anomaly_vae_pipelines.errors import WorkerLostError
from anomaly_vae_pipelines.runs.parts import Part
from anomaly_vae_pipelines.scoring.arrow import ArrowScorer
from anomaly_vae_pipelines.scoring.model_files import model_content
from anomaly_vae_pipelines.scoring.options import ScoreOptions

if TYPE_CHECKING:
    from ray.data import Dataset

BATCH_ROWS = 1 << 14
"""Rows per batch."""

RETRIES = 5
"""How often a part is scored again after its worker died."""


def score(
    dataset: Dataset, model: str | os.PathLike[str] | bytes, *, n_workers: int | None = None, **options: Any
) -> Dataset:
    """Return a Ray Dataset with the results of ``anomaly-vae score`` after its columns.

    Nothing is computed until Ray needs the rows. The content of the model file is sent to each worker once.
    If a worker dies, Ray scores its block again.

    Parameters
    ----------
    dataset : ray.data.Dataset
        Rows with the columns of the model, in any order, and maybe others.
    model : str, path-like or bytes
        Path or URL of a model file, which the driver reads, or its content.
    n_workers : int, optional
        Number of actors, each of which uses one core; by default as many as there are cores.
    **options
        As in ``ArrowScorer``: ``columns``, ``image_column``, ``explain``, ``prefix``, ``tail``,
        ``on_bad_row``.

    Raises
    ------
    InputError
        If the model file cannot be read. A row that cannot be read fails the job, unless
        ``on_bad_row="null"``.
    """
    from ray.data import ActorPoolStrategy

    pool = ActorPoolStrategy(size=n_workers) if n_workers else ActorPoolStrategy(min_size=1)
    return dataset.map_batches(
        _Worker,
        fn_constructor_args=(ArrowScorer(model_content(model), **options),),
        batch_size=BATCH_ROWS,
        batch_format="pyarrow",
        zero_copy_batch=True,
        compute=pool,
        num_cpus=1,
    )


def require_ray() -> None:
    """Raise MissingExtraError if Ray is not installed."""
    if find_spec("ray") is None:
        raise MissingExtraError("--engine ray needs Ray: pip install 'anomaly-vae[ray]'")


def on_ray(
    function: Callable[..., Any],
    content: bytes,
    parts: Iterable[Part],
    options: ScoreOptions,
    given: Given,
    *,
    address: str | None = None,
) -> Iterator[Any]:
    """Call ``function`` of every part in Ray tasks: the engine of a PartsRun.

    A part whose worker dies is scored again, up to ``RETRIES`` times. At most two parts per core wait at a
    time, so the memory of the driver does not depend on the number of parts.

    Parameters
    ----------
    function, content, parts, options, given
        As in ``PartsRun``.
    address : str, optional
        Address of a cluster, such as ``ray://host:10001``; by default that of the environment, or a cluster
        on this machine for this run.

    Raises
    ------
    AnomalyVAEError
        As ``function`` does.
    WorkerLostError
        If the workers of a part died again and again.
    """
    import ray

    started = not ray.is_initialized()
    if started:
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield from _results(ray, function, ray.put(content), parts, options, given)
    finally:
        if started:
            ray.shutdown()


def _results(ray: Any, function: Any, content: Any, parts: Iterable[Part], *more: Any) -> Iterator[Any]:
    task = ray.remote(num_cpus=1, max_retries=RETRIES)(function)
    waiting: dict[Any, Part] = {}
    at_once = max(2, 2 * int(ray.cluster_resources().get("CPU", 1)))
    for part in parts:
        if len(waiting) >= at_once:
            yield _next_result(ray, waiting)
        waiting[task.remote(content, part, *more)] = part
    while waiting:
        yield _next_result(ray, waiting)


def _next_result(ray: Any, waiting: dict[Any, Part]) -> Any:
    (done, *_), _ = ray.wait(list(waiting), num_returns=1)
    part = waiting.pop(done)
    try:
        return ray.get(done)
    except ray.exceptions.WorkerCrashedError as error:
        raise WorkerLostError(
            f"{part.source}: workers died {RETRIES + 1} times while they scored it, perhaps for want of "
            f"memory; run the command again with --resume"
        ) from error
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None


class _Worker:
    """An actor, which opens the model at its first batch."""

    def __init__(self, scorer: ArrowScorer) -> None:
        self._scorer = scorer

    def __call__(self, batch: pa.Table) -> pa.Table:
        return self._scorer(batch)
