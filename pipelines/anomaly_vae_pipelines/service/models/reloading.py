"""Reloader: watches model files, and serves what is new in them once it has proved that it can score.

A file is loaded beside the model that serves, on a thread of its own. Loading checks it whole, and by its
self-test. Files are loaded one at a time, and each fails alone: whatever error a file causes is counted and
logged once, until the file changes. A file that is gone takes nothing away.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from anomaly_vae.errors import AnomalyVAEError, ModelFileError
from anomaly_vae_pipelines.service.logs import log
from anomaly_vae_pipelines.service.models.files import ModelFile, Place
from anomaly_vae_pipelines.service.models.metrics import Metrics
from anomaly_vae_pipelines.service.models.registry import Registry, ServedModel, load_served

Mark = tuple[int, int, int] | None
"""What tells a file from another in its place: inode, size and time of change; None where there is none."""

Load = Callable[[str, str, str], ServedModel]
"""Name, version and path to a model that can score."""

_MOST_CHARACTERS = 300
"""Of a reason: a log line should stay short."""


class Reloader:
    """Keeps a registry up with the files of its models.

    Parameters
    ----------
    registry : Registry
    places : sequence of Place
    load : callable
        Gives the ServedModel of a name, version and path.
    reload : callable, optional
        The same for files that change while the service runs.
    """

    def __init__(
        self,
        registry: Registry,
        places: Sequence[Place],
        load: Load = load_served,
        reload: Load | None = None,
    ) -> None:
        self._registry, self._places, self._load = registry, places, load
        self._reload = reload or load
        self._marks: dict[ModelFile, Mark] = {}
        self._unlisted: set[str] = set()
        self._thread: threading.Thread | None = None
        self._busy = asyncio.Lock()

    @property
    def is_loading(self) -> bool:
        """Whether a file is being loaded; a thread that does it cannot be stopped."""
        return self._thread is not None and self._thread.is_alive()

    def load_all(self) -> None:
        """Load every file, before anybody is served; raises ModelFileError for one that is no model."""
        for place in self._places:
            for file in place.files():
                mark = mark_of(file.path)
                self._put(self._load(file.name, file.version, str(file.path)))
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
        for file in self._files(self._places):
            mark = mark_of(file.path)
            if mark == self._marks.get(file):
                continue
            if mark is None:
                self._marks[file] = None
                log(logging.WARNING, "model file is gone; its model serves on", path=str(file.path))
                continue
            await asyncio.sleep(0.05)
            if mark_of(file.path) == mark:
                await self._try(file, metrics)

    async def reload(self, name: str, metrics: Metrics) -> None:
        """Load all files of a model now; raises ModelFileError for the first that is refused."""
        files = self._files(place for place in self._places if place.name == name)
        refusals = [await self._try(file, metrics) for file in files]
        for refusal in filter(None, refusals):
            raise ModelFileError(refusal)

    def _files(self, places: Iterable[Place]) -> list[ModelFile]:
        """The files of some places; a directory that cannot be listed has none, which is logged once."""
        files: list[ModelFile] = []
        for place in places:
            try:
                files += place.files()
                self._unlisted.discard(place.name)
            except OSError as error:
                if place.name not in self._unlisted:
                    reason = f"{place.path}: cannot be listed ({error.strerror})"
                    log(logging.ERROR, "model directory is not read; its models serve on", reason=reason)
                self._unlisted.add(place.name)
        return files

    async def _try(self, file: ModelFile, metrics: Metrics) -> str | None:
        """Serve what a file holds; the reason if it is refused, whatever the error was."""
        mark = mark_of(file.path)
        try:
            await self._serve(file)
            return None
        except Exception as error:
            reason = _reason(file, error)
            metrics.reload_failures.labels(file.name, file.version).inc()
            log(logging.ERROR, "model file is refused; the old model serves on", reason=reason)
            return reason
        finally:
            self._marks[file] = mark

    async def _serve(self, file: ModelFile) -> None:
        async with self._busy:
            self._put(await self._loaded(file))

    async def _loaded(self, file: ModelFile) -> ServedModel:
        """The model of a file, from a thread that the end of the process does not wait for."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[ServedModel | BaseException] = loop.create_future()

        def work() -> None:
            try:
                outcome: ServedModel | BaseException = self._reload(file.name, file.version, str(file.path))
            except BaseException as error:
                outcome = error
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(lambda: None if ended.done() else ended.set_result(outcome))

        self._thread = threading.Thread(target=work, name="load", daemon=True)
        self._thread.start()
        outcome = await ended
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _put(self, served: ServedModel) -> None:
        self._registry.put(served)
        log(
            logging.INFO,
            "model is served",
            model=served.name,
            version=served.version,
            id=served.origin.model_id,
            seconds=served.origin.seconds,
        )


def mark_of(path: Path) -> Mark:
    """What tells a file from another in its place; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _reason(file: ModelFile, error: Exception) -> str:
    """What is wrong with a file, in one line."""
    known = isinstance(error, AnomalyVAEError)
    text = str(error) if known else f"{file.path}: cannot be loaded ({type(error).__name__}: {error})"
    line = " ".join(text.split())
    return line if len(line) <= _MOST_CHARACTERS else line[: _MOST_CHARACTERS - 1] + "…"
