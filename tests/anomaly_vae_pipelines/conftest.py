"""One small model for all tests of the applications, and two ways to run the real command line."""

from __future__ import annotations

import csv
import logging
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner

from anomaly_vae_pipelines import records, sources
from anomaly_vae_pipelines.cli.main import cli
from anomaly_vae_pipelines.service import logs
from anomaly_vae_pipelines.sources import open_source
from anomaly_vae_pipelines.sources.cells import collect
from tests.anomaly_vae_pipelines.image_files import TINY_IMAGES, write_plates

CROSS_FITTED = "[detector]\nmax_steps = 5\nhidden_sizes = [8]\nlatent_dim = 2\n"
"""Configuration of a fast fit, whose five models each leave out a fifth of the rows."""

TINY = CROSS_FITTED + "validation_fraction = 0.5\n"
"""Configuration of a faster fit of one model, which loads and scores in a fifth of the time."""

COLUMNS = ["code", "amount", "count", "color", "open", "day", "label"]

_ROOT = Path(__file__).parents[2]
PYTHON_PATH = os.pathsep.join([str(_ROOT), str(_ROOT / "pipelines")])
"""Import path of the tests and both packages, for processes in another folder."""

Rows = list[list[str]]


@dataclass(frozen=True)
class Ended:
    """Exit code and output of a run."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


def orders(n_rows: int, seed: int = 0) -> Rows:
    """Rows of a small mixed table, one in ten of them anomalous; codes have leading zeros."""
    draw = random.Random(seed)
    return [_order(draw, number) for number in range(n_rows)]


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a CSV file and return its path as text."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([columns, *rows])
    return str(path)


def read_rows(path: str | Path) -> list[dict[str, str]]:
    """Rows of a CSV file, read by the csv module."""
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def read_table(path: str) -> pd.DataFrame:
    """Read a whole file, with columns of numbers, booleans and text."""
    with open_source(path) as source:
        return collect(sources.read_rows(source))


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """Loggers as they were: the command line sends those of the service to stderr for good."""
    loggers = [logging.getLogger(name) for name in (logs.NAME, *logs.OTHERS)]
    states = [(logger, list(logger.handlers), logger.propagate, logger.level) for logger in loggers]
    yield
    for logger, handlers, propagate, level in states:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.fixture
def run() -> Run:
    """Run the command line in this process: ``run("score", ..., stdin=b"...")``."""

    def invoke(*arguments: str, stdin: bytes | None = None) -> Ended:
        result = CliRunner(catch_exceptions=False).invoke(cli, list(arguments), input=stdin)
        return Ended(result.exit_code, result.stdout, result.stderr)

    return invoke


@pytest.fixture
def run_process() -> Run:
    """Run the command line in its own process."""

    def invoke(*arguments: str, stdin: bytes | None = None, **environment: str) -> Ended:
        done = subprocess.run(
            command_line(*arguments), input=stdin, capture_output=True, env=process_environment(**environment)
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    return invoke


def command_line(*arguments: str) -> list[str]:
    """The command that starts a process."""
    return [sys.executable, "-m", "anomaly_vae_pipelines.cli", *arguments]


def process_environment(**changes: str) -> dict[str, str]:
    """The environment of a process that can import the packages in any folder."""
    return os.environ | {"PYTHONPATH": PYTHON_PATH, "OMP_NUM_THREADS": "1"} | changes


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A configuration file for quick fits."""
    path = tmp_path_factory.mktemp("config") / "tiny.toml"
    path.write_text(TINY)
    return str(path)


@pytest.fixture(scope="session")
def cross_fitting(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A configuration file for fits in which each row calibrates a model that was fitted without it."""
    path = tmp_path_factory.mktemp("config") / "cross_fitted.toml"
    path.write_text(CROSS_FITTED)
    return str(path)


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A training table with a label."""
    return write_table(tmp_path_factory.mktemp("train") / "train.csv", COLUMNS, orders(120))


@pytest.fixture(scope="session")
def unseen(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Other rows of the same kind."""
    return write_table(tmp_path_factory.mktemp("unseen") / "unseen.csv", COLUMNS, orders(40, seed=1))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, train: str, tiny: str) -> str:
    """A model that the command line fitted on the training table's good rows."""
    return _fitted(train, tiny, tmp_path_factory.mktemp("model") / "model.avae")


@pytest.fixture(scope="session")
def cross_fitted(tmp_path_factory: pytest.TempPathFactory, train: str, cross_fitting: str) -> str:
    """A cross-fitted model of the same rows, with more calibration rows."""
    return _fitted(train, cross_fitting, tmp_path_factory.mktemp("model") / "cross_fitted.avae")


@pytest.fixture(scope="session")
def plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as MVTec's: grey plates, good ones and two kinds of defects."""
    return write_plates(tmp_path_factory.mktemp("plates"))


@pytest.fixture(scope="session")
def image_model(tmp_path_factory: pytest.TempPathFactory, plates: Path) -> str:
    """A model that the command line fitted on the good plates."""
    folder = tmp_path_factory.mktemp("image_model")
    (folder / "tiny.toml").write_text(TINY_IMAGES)
    path = str(folder / "plates.avae")
    arguments = ["fit", str(plates), "-o", path, "--config", str(folder / "tiny.toml")]
    result = CliRunner(catch_exceptions=False).invoke(cli, arguments)
    assert result.exit_code == 0, result.stderr
    return path


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A directory on a full disk, with a file ``output`` that contains "old"."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(place)]
    if os.name != "posix" or os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs to mount a small disk")
    try:
        (place / "output").write_text("old")
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _fitted(train: str, config: str, path: Path) -> str:
    options = ["--label", "label", "--normal", "good", "--id", "code", "--config", config]
    result = CliRunner(catch_exceptions=False).invoke(cli, ["fit", train, "-o", str(path), *options])
    assert result.exit_code == 0, result.stderr
    return str(path)


def _order(draw: random.Random, number: int) -> list[str]:
    bad = number % 10 == 9
    amount = f"{draw.gauss(20, 3) + 40 * bad:.2f}" if draw.random() > 0.1 else ""
    color = draw.choice(["red", "green"])
    day = f"2026-01-{draw.randint(1, 28):02d}T{draw.randint(8, 17):02d}:00:00"
    cells = [amount, str(draw.randint(0, 9)), color, draw.choice(["true", "false"]), day]
    return [f"{number:03d}", *cells, "bad" if bad else "good"]


def text_rows(columns: Sequence[str], rows: Sequence[Sequence[str]], source: str = "a.csv") -> records.Rows:
    """Rows of text as a source returns them, from line 2 on."""
    cells = [pa.array([row[j] for row in rows], pa.string()) for j in range(len(columns))]
    raw = pa.array([",".join(row).encode() for row in rows], pa.large_binary())
    numbers = np.arange(2, len(rows) + 2)
    return records.Rows(source, tuple(columns), pa.table(cells, names=list(columns)), numbers, raw)
