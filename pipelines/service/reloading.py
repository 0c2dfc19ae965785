"""Reloader: watches model files, and serves what is new in them once it has proved that it can score.

A file is loaded beside the model that serves, on a thread of its own. Loading checks it whole, and by its
self-test; what fails is refused, and said once. A file that is gone takes nothing away.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from anomaly_vae.errors import AnomalyVAEError
from pipelines.service.files import ModelFile, Place, all_files
from pipelines.service.logs import log
from pipelines.service.metrics import Metrics
from pipelines.service.registry import Registry, ServedModel, load_served

Mark = tuple[int, int, int] | None
"""What tells a file from another in its place: inode, size and time of change; None where there is none."""


class Reloader:
    """Keeps a registry up with the files of its models.

    Parameters
    ----------
    registry : Registry
    places : sequence of Place
    """

    def __init__(self, registry: Registry, places: Sequence[Place]) -> None:
        self._registry, self._places = registry, places
        self._marks: dict[ModelFile, Mark] = {}
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._busy = asyncio.Lock()

    def load_all(self) -> None:
        """Load every file, before anybody is served; raises ModelFileError for one that is no model."""
        for file in all_files(self._places):
            mark = mark_of(file.path)
            self._registry.put(_announced(load_served(file.name, file.version, str(file.path))))
            self._marks[file] = mark

    async def watch(self, interval: float, metrics: Metrics) -> None:
        """Look at the files every so many seconds, for good."""
        while True:
            await asyncio.sleep(interval)
            try:
                await self.look(metrics)
            except Exception:  # what goes wrong in one look must not end all of them
                logging.getLogger("anomaly_vae.service").exception("looking at the model files failed")

    async def look(self, metrics: Metrics) -> None:
        """Load what has changed since the last look and is no longer being written to."""
        for file in list(all_files(self._places)):
            mark = mark_of(file.path)
            if mark == self._marks.get(file):
                continue
            if mark is None:
                self._marks[file] = None
                log(logging.WARNING, "model file is gone; its model serves on", path=str(file.path))
                continue
            await asyncio.sleep(0.05)
            if mark_of(file.path) == mark:
                await self._try(file, mark, metrics)

    async def reload(self, name: str, metrics: Metrics) -> None:
        """Load all files of a model now; raises ModelFileError where one is refused."""
        for file in all_files(place for place in self._places if place.name == name):
            mark = mark_of(file.path)
            await self._load(file)
            self._marks[file] = mark

    async def close(self) -> None:
        """Let go of the thread."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _try(self, file: ModelFile, mark: Mark, metrics: Metrics) -> None:
        try:
            await self._load(file)
        except (AnomalyVAEError, MemoryError) as error:
            metrics.reload_failures.labels(file.name, file.version).inc()
            log(logging.ERROR, "model file is refused; the old model serves on", reason=str(error))
        self._marks[file] = mark

    async def _load(self, file: ModelFile) -> None:
        async with self._busy:
            loop = asyncio.get_running_loop()
            served = await loop.run_in_executor(
                self._executor, load_served, file.name, file.version, str(file.path)
            )
            self._registry.put(_announced(served))


def mark_of(path: Path) -> Mark:
    """What tells a file from another in its place; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _announced(served: ServedModel) -> ServedModel:
    log(
        logging.INFO,
        "model is served",
        model=served.name,
        version=served.version,
        id=served.origin.model_id,
        seconds=served.origin.seconds,
    )
    return served
