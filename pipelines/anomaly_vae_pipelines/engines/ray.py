"""Ray: score a Ray Dataset, fit on one, or score files with one task per file (extra ``ray``)."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from anomaly_vae.errors import InputError, MissingExtraError
from anomaly_vae.sampling.sizes import SAMPLE_ROWS
from anomaly_vae.sampling.stream import StreamSample
from anomaly_vae.streaming import Fitting, SamplePlan, StreamFitting, fit_sample, sample_plan
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

_LOST = (
    f"workers died {RETRIES + 1} times while they sampled or fitted, perhaps for want of memory; give a "
    "smaller n_rows, or smaller blocks"
)


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


def fit(dataset: Dataset, detector: Fitting, *, per: str | None = None, n_rows: int = SAMPLE_ROWS) -> Fitting:
    """Fit a detector of tables on a Ray Dataset of any number of rows, in one pass.

    Tasks sample the blocks where they are, and merge the samples; one more task fits, on one core. The
    memory of the driver does not depend on the number of rows, and that of a worker is that of a block and
    two samples. If a worker dies, Ray runs its task again.

    The model is that of ``detector.fit_stream`` over the same rows in the same order, to the last bit on the
    same kind of processor, however the rows are cut into blocks: the number of rows of each block is known
    before the block is sampled. The order is the one that Ray has with its option ``preserve_order``, which
    is set for the pass.

    Parameters
    ----------
    dataset : ray.data.Dataset
        Rows with the columns to fit on; ``dataset.select_columns`` leaves others out.
    detector : TabularVAEDetector
        Its parameters; it is not fitted itself.
    per, n_rows
        As in ``TabularVAEDetector.fit_stream``.

    Returns
    -------
    TabularVAEDetector
        A fitted copy.

    Raises
    ------
    InputError
        For another kind of detector, such as a Pipeline, for a dataset without rows, and as
        ``TabularVAEDetector.fit_stream`` does.
    WorkerLostError
        If workers died again and again.
    """
    import ray

    if not isinstance(detector, StreamFitting):
        raise InputError(
            f"Ray fits a TabularVAEDetector, got {type(detector).__name__}; apply the steps of a Pipeline to "
            "the dataset with map_batches, and fit its detector"
        )
    sample = _sampled(ray, dataset, sample_plan(detector, per, n_rows))
    task: Any = ray.remote(num_cpus=1, max_retries=RETRIES)(_fitted)
    fitted: Fitting = _result(ray, task.remote(detector, detector.random_state, sample))
    return fitted


def _sampled(ray: Any, dataset: Dataset, plan: SamplePlan) -> Any:
    """A reference to the sample of a dataset; blocks are read as samples are merged."""
    sampling, merging = (
        ray.remote(num_cpus=1, max_retries=RETRIES, num_returns=2)(task) for task in (_sample, _merged)
    )
    names = dataset.columns()
    at_once = max(2, 2 * int(ray.cluster_resources().get("CPU", 1)))
    samples: dict[Any, Any] = {}
    start = 0

    def merge_two() -> None:
        done, _ = ray.wait(list(samples), num_returns=2)
        for one in done:
            _result(ray, one)  # raises what the task raised, before more blocks are read
        _add(samples, merging.remote(*map(samples.pop, done)))

    for number, (block, n_rows) in enumerate(_ordered_blocks(dataset)):
        _add(samples, sampling.remote(plan, block, start, number, names))
        start += n_rows
        if len(samples) > at_once:
            merge_two()
    if not samples:
        raise InputError("the dataset has no rows")
    while len(samples) > 1:
        merge_two()
    return next(iter(samples.values()))


def _add(samples: dict[Any, Any], results: tuple[Any, Any]) -> None:
    """Add the sample of a task by what is done when the task is, so that no sample comes to the driver."""
    done, sample = results
    samples[done] = sample


def _ordered_blocks(dataset: Dataset) -> Iterator[tuple[Any, int]]:
    """References to the blocks with rows, in the order of the dataset, and their numbers of rows."""
    options = dataset.context.execution_options
    before, options.preserve_order = options.preserve_order, True
    try:
        for bundle in dataset.iter_internal_ref_bundles():
            for block, metadata in zip(bundle.block_refs, bundle.metadata, strict=True):
                if metadata.num_rows:
                    yield block, metadata.num_rows
    finally:
        options.preserve_order = before


def _sample(
    plan: SamplePlan, block: Any, start: int, number: int, names: list[str]
) -> tuple[bool, StreamSample[Any]]:
    """Sample one block: the work of a task."""
    return True, plan.sample([block], start=start, number=number, names=names)


def _merged(one: StreamSample[Any], other: StreamSample[Any]) -> tuple[bool, StreamSample[Any]]:
    """Merge two samples, in any order: the work of a task."""
    one.merge(other)
    return True, one


def _fitted(detector: Fitting, random_state: Any, sample: StreamSample[Any]) -> Fitting:
    """Fit on a sample: the work of a task. A pickled detector has no generator of random numbers."""
    detector.random_state = random_state
    return fit_sample(detector, sample)


def _result(ray: Any, reference: Any, lost: str = _LOST) -> Any:
    """The result of a task; raises what the task raised, without the traceback of the worker.

    Raises WorkerLostError with the message ``lost`` if its workers died again and again.
    """
    try:
        return ray.get(reference)
    except ray.exceptions.WorkerCrashedError as error:
        raise WorkerLostError(lost) from error
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None


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
    lost = (
        f"{part.source}: workers died {RETRIES + 1} times while they scored it, perhaps for want of "
        f"memory; run the command again with --resume"
    )
    return _result(ray, done, lost)


class _Worker:
    """An actor, which opens the model at its first batch."""

    def __init__(self, scorer: ArrowScorer) -> None:
        self._scorer = scorer

    def __call__(self, batch: pa.Table) -> pa.Table:
        return self._scorer(batch)
