"""Model files are loaded one at a time, fail alone, and hold up neither each other nor the end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest

from anomaly_vae.errors import ModelFileError
from anomaly_vae_pipelines.service.models.files import ModelPath
from anomaly_vae_pipelines.service.models.metrics import Metrics
from anomaly_vae_pipelines.service.models.registry import Registry, ServedModel, load_served
from anomaly_vae_pipelines.service.models.reloading import Reloader
from anomaly_vae_pipelines.service.settings import Settings
from tests.anomaly_vae_pipelines.conftest import process_environment
from tests.anomaly_vae_pipelines.service.live import ROW, until


class Loader:
    """Loads models, but of some names raises an error."""

    def __init__(self) -> None:
        self.errors: dict[str, BaseException] = {}
        self.loaded: list[str] = []

    def __call__(self, name: str, version: str, path: str) -> ServedModel:
        self.loaded.append(name)
        if name in self.errors:
            raise self.errors[name]
        return load_served(name, version, path)


@pytest.fixture
def loader() -> Loader:
    return Loader()


@pytest.fixture
def reloader(models: list[Path], tmp_path: Path, loader: Loader) -> Reloader:
    """Three models that have been loaded."""
    places = []
    for name in "abc":
        path = tmp_path / f"{name}.avae"
        path.write_bytes(models[0].read_bytes())
        places.append(ModelPath(name, path))
    reloader = Reloader(Registry(Settings()), places, loader)
    reloader.load_all()
    loader.loaded.clear()
    return reloader


@pytest.fixture
def metrics(reloader: Reloader) -> Metrics:
    return Metrics(reloader._registry)


def touch(folder: Path, moment: int) -> None:
    """Change the time of all model files."""
    for path in folder.glob("*.avae"):
        os.utime(path, (moment, moment))


def n_failures(metrics: Metrics, name: str) -> float:
    return metrics.reload_failures.labels(name, "1")._value.get()


@pytest.mark.parametrize(
    "error",
    [
        RecursionError("maximum recursion depth exceeded"),
        MemoryError(),
        StopIteration(),
        KeyError("offset"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        ModelFileError("a.avae: is not an anomaly-vae model file"),
        OSError("no more files"),
    ],
)
def test_one_bad_file_stops_no_other(
    reloader: Reloader,
    loader: Loader,
    metrics: Metrics,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    """Whatever a load raises is counted and logged once; the models after it are loaded."""
    loader.errors = {"a": error}
    touch(tmp_path, 1_000_000_000)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            asyncio.run(reloader.look(metrics))
    assert loader.loaded == ["a", "b", "c"]
    assert [n_failures(metrics, name) for name in "abc"] == [1, 0, 0]
    (record,) = caplog.records
    assert "refused" in record.getMessage()
    assert "a.avae" in record.getMessage()


def test_a_file_that_changes_is_tried_again(
    reloader: Reloader, loader: Loader, metrics: Metrics, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A reason is logged once per change of the file, in one line of at most 300 characters."""
    loader.errors = {"b": ValueError("x\n" * 5000)}
    with caplog.at_level(logging.ERROR):
        for moment in (1_000_000_000, 1_000_000_001):
            touch(tmp_path, moment)
            asyncio.run(reloader.look(metrics))
    assert n_failures(metrics, "b") == len(caplog.records) == 2
    assert "\n" not in caplog.records[0].getMessage()
    assert len(caplog.records[0].getMessage()) < 400


def test_all_files_of_a_model_are_tried_when_an_admin_asks(
    reloader: Reloader, loader: Loader, metrics: Metrics
) -> None:
    """What is refused is counted, and said with the file's name whatever the error was."""
    loader.errors = {"a": RecursionError("deep")}
    with pytest.raises(ModelFileError, match=r"a\.avae: cannot be loaded \(RecursionError: deep\)"):
        asyncio.run(reloader.reload("a", metrics))
    assert n_failures(metrics, "a") == 1


def test_a_directory_that_cannot_be_listed_stops_no_other(
    models: list[Path], tmp_path: Path, loader: Loader, caplog: pytest.LogCaptureFixture
) -> None:
    """Its models serve on, and it is logged once."""

    class Unlisted(ModelPath):
        is_broken = False

        def files(self) -> list:
            if Unlisted.is_broken:
                raise PermissionError(13, "Permission denied")
            return super().files()

    reloader = Reloader(Registry(Settings()), [Unlisted("a", models[0]), ModelPath("b", models[1])], loader)
    reloader.load_all()
    Unlisted.is_broken = True
    reloader._stamps.clear()
    loader.loaded.clear()
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            asyncio.run(reloader.look(Metrics(reloader._registry)))
    assert loader.loaded == ["b"]
    assert [record.getMessage().count("cannot be listed") for record in caplog.records] == [1]


HANGING = """
import sys, time
from pathlib import Path
from anomaly_vae_pipelines.cli.exit_codes import Terminated, run_to_its_end
from anomaly_vae_pipelines.service.models.files import ModelPath
from anomaly_vae_pipelines.service.models.registry import load_served
from anomaly_vae_pipelines.service.server import serve
from anomaly_vae_pipelines.service.settings import Settings

model, began, url, drain = sys.argv[1:]

def load(name, version, path, calls=[]):
    calls.append(path)
    if len(calls) > 1:
        Path(began).touch()
        time.sleep(60)
    return load_served(name, version, path)

def run():
    settings = Settings(port=0, reload_interval=0.05, drain_timeout=float(drain), batch_wait=1.0)
    try:
        serve([ModelPath("model", Path(model))], settings, Path(url).write_text, load=load)
    except Terminated:
        pass

sys.exit(run_to_its_end(run))
"""


@pytest.mark.parametrize("drain", [0.4, 3.0])
def test_a_load_that_hangs_does_not_hold_up_the_end(models: list[Path], tmp_path: Path, drain: float) -> None:
    """SIGTERM ends with 0 within the drain and a second; requests in flight are answered, logs are whole."""
    path, began, url = tmp_path / "model.avae", tmp_path / "began", tmp_path / "url"
    path.write_bytes(models[0].read_bytes())
    command = [sys.executable, "-c", HANGING, *map(str, (path, began, url, drain))]
    with subprocess.Popen(command, env=process_environment(), stderr=subprocess.PIPE, text=True) as process:
        try:
            assert until(lambda: url.exists() and url.read_text(), 60)
            os.utime(path, (1_000_000_000, 1_000_000_000))
            assert until(began.exists)
            answers: list[int | str] = []

            def ask() -> None:
                try:
                    answers.append(httpx2.post(f"{url.read_text()}/v1/score", content=ROW).status_code)
                except httpx2.HTTPError as error:  # the drain was too short for it
                    answers.append(repr(error))

            asking = threading.Thread(target=ask)
            asking.start()
            time.sleep(0.2)
            asked = time.monotonic()
            process.send_signal(signal.SIGTERM)
            code = process.wait(30)
            seconds = time.monotonic() - asked
            asking.join(10)
        finally:
            process.kill()
        log = process.stderr.read() if process.stderr else ""
    assert code == 0, log
    assert seconds < drain + 1.0
    assert drain < 1.0 or answers == [200]
    assert "Shutting down" in log
