"""Reloader: watches the model files, and serves those that change once they can score.

A file is loaded on a thread while the old model is served. Loading checks the file and runs its self-test.
Files are loaded one at a time and fail independently: any error is counted and logged once, until the file
changes again. When a file is deleted, its model is still served.
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
from anomaly_vae_pipelines.service.models.files import ModelFile, ModelPath
from anomaly_vae_pipelines.service.models.metrics import Metrics
from anomaly_vae_pipelines.service.models.registry import Registry, ServedModel, load_served

FileStamp = tuple[int, int, int] | None
"""Identifies the content of a path: inode, size and time of change; None if there is no file."""

Load = Callable[[str, str, str], ServedModel]
"""Loads the ServedModel of a name, version and path."""

_MOST_CHARACTERS = 300
"""Largest length of a reason in the log."""


class Reloader:
    """Updates a registry from the files of its models.

    Parameters
    ----------
    registry : Registry
    models : sequence of ModelPath
    load : callable
        ``load(name, version, path)`` returns a ServedModel.
    reload : callable, optional
        The same for files that change while the service runs.
    """

    def __init__(
        self,
        registry: Registry,
        models: Sequence[ModelPath],
        load: Load = load_served,
        reload: Load | None = None,
    ) -> None:
        self._registry, self._models, self._load = registry, models, load
        self._reload = reload or load
        self._stamps: dict[ModelFile, FileStamp] = {}
        self._unlisted: set[str] = set()
        self._thread: threading.Thread | None = None
        self._busy = asyncio.Lock()

    @property
    def is_loading(self) -> bool:
        """Whether a file is being loaded; its thread cannot be stopped."""
        return self._thread is not None and self._thread.is_alive()

    def load_all(self) -> None:
        """Load every file before the service starts; raises ModelFileError for one that is not a model."""
        for model in self._models:
            for file in model.files():
                stamp = file_stamp(file.path)
                self._put(self._load(file.name, file.version, str(file.path)))
                self._stamps[file] = stamp

    async def watch(self, interval: float, metrics: Metrics) -> None:
        """Check the files every ``interval`` seconds, without end."""
        while True:
            await asyncio.sleep(interval)
            try:
                await self.look(metrics)
            except Exception:  # a failed check must not end the watch
                logging.getLogger("anomaly_vae.service").exception("checking the model files failed")

    async def look(self, metrics: Metrics) -> None:
        """Load the files that changed since the last check and are no longer being written."""
        for file in self._files(self._models):
            stamp = file_stamp(file.path)
            if stamp == self._stamps.get(file):
                continue
            if stamp is None:
                self._stamps[file] = None
                log(logging.WARNING, "model file is gone; its model is still served", path=str(file.path))
                continue
            await asyncio.sleep(0.05)
            if file_stamp(file.path) == stamp:
                await self._try(file, metrics)

    async def reload(self, name: str, metrics: Metrics) -> None:
        """Load all files of a model now; raises ModelFileError for the first that cannot be loaded."""
        files = self._files(model for model in self._models if model.name == name)
        reasons = [await self._try(file, metrics) for file in files]
        for reason in filter(None, reasons):
            raise ModelFileError(reason)

    def _files(self, models: Iterable[ModelPath]) -> list[ModelFile]:
        """The files of some models; a directory that cannot be listed has none, which is logged once."""
        files: list[ModelFile] = []
        for model in models:
            try:
                files += model.files()
                self._unlisted.discard(model.name)
            except OSError as error:
                if model.name not in self._unlisted:
                    message = "model directory is not read; its models are still served"
                    log(logging.ERROR, message, reason=f"{model.path}: cannot be listed ({error.strerror})")
                self._unlisted.add(model.name)
        return files

    async def _try(self, file: ModelFile, metrics: Metrics) -> str | None:
        """Load and serve a file; returns the reason if that fails, whatever the error."""
        stamp = file_stamp(file.path)
        try:
            async with self._busy:
                self._put(await self._loaded(file))
            return None
        except Exception as error:
            reason = _reason(file, error)
            metrics.reload_failures.labels(file.name, file.version).inc()
            self._registry.history.reloaded(file.name, file.version, reason)
            log(logging.ERROR, "model file is refused; the old model is still served", reason=reason)
            return reason
        finally:
            self._stamps[file] = stamp

    async def _loaded(self, file: ModelFile) -> ServedModel:
        """The model of a file, loaded on a daemon thread: the exit of the process does not wait for it."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[ServedModel | BaseException] = loop.create_future()

        def work() -> None:
            try:
                outcome: ServedModel | BaseException = self._reload(file.name, file.version, str(file.path))
            except BaseException as error:
                outcome = error
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(lambda: None if ended.done() else ended.set_result(outcome))

        self._thread = threading.Thread(target=work, name="load", daemon=True)
        self._thread.start()
        outcome = await ended
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _put(self, served: ServedModel) -> None:
        self._registry.put(served)
        self._registry.history.reloaded(served.name, served.version)
        fields = {"model": served.name, "version": served.version, "id": served.model_id}
        log(logging.INFO, "model is served", **fields, seconds=served.seconds)


def file_stamp(path: Path) -> FileStamp:
    """Identifies the content of a path: inode, size and time of change; None if there is no file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _reason(file: ModelFile, error: Exception) -> str:
    """The problem of a file, in one line."""
    known = isinstance(error, AnomalyVAEError)
    text = str(error) if known else f"{file.path}: cannot be loaded ({type(error).__name__}: {error})"
    line = " ".join(text.split())
    return line if len(line) <= _MOST_CHARACTERS else line[: _MOST_CHARACTERS - 1] + "…"
