"""What commands import: none of those that use a fitted detector needs what only a fit needs."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from anomaly_vae import ImageVAEDetector, TabularVAEDetector, save
from tests.anomaly_vae_pipelines.cli.conftest import RULES
from tests.anomaly_vae_pipelines.conftest import process_environment

FIT_ONLY = {"torch", "sklearn", "scipy", "skops", "joblib"}
NOT_FOR_NUMBERS = FIT_ONLY | {"pandas", "PIL", "onnx"}

COMMANDS = """
import json, sys
from anomaly_vae_pipelines.cli.main import cli
for command in sys.argv[1:]:
    try:
        cli.main(command.split())
    except SystemExit as end:
        assert not end.code, command
    unwanted = set(sys.modules) & set(NOT_WANTED)
    assert not unwanted, (command, unwanted)
sys.stderr.write("\\n" + json.dumps([name for name in sys.modules if "." not in name]))
"""

SERVICE = """
import json, sys
from starlette.testclient import TestClient
from anomaly_vae_pipelines.service.app import create_app
from anomaly_vae_pipelines.service.models.registry import Registry, load_served
from anomaly_vae_pipelines.service.settings import Settings
settings = Settings()
registry = Registry(settings)
registry.put(load_served("m", "1", sys.argv[1]))
row = json.loads(sys.argv[2])
with TestClient(create_app(registry, settings)) as client:
    for path in ("/v1/score", "/v1/score?explain=true"):
        assert client.post(path, json={"rows": [row]}).status_code == 200
    for path in ("/metrics", "/v1/models"):
        assert client.get(path).status_code == 200
sys.stderr.write("\\n" + json.dumps([name for name in sys.modules if "." not in name]))
"""


def imported(program: str, *arguments: str, folder: object) -> set[str]:
    """The modules that a process has imported when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        env=process_environment(),
        cwd=str(folder),
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a model of numbers, one of a mixed table, one of images, and what they score."""
    folder = tmp_path_factory.mktemp("imports")
    random = np.random.default_rng(0)
    numbers = pd.DataFrame(random.normal(size=(100, 3)), columns=["a", "b", "c"])
    mixed = numbers.assign(colour=random.choice(["red", "blue"], 100))
    for name, table in (("numbers", numbers), ("mixed", mixed)):
        detector = TabularVAEDetector(
            max_steps=3, validation_fraction=0.5, hidden_sizes=(4,), random_state=0
        ).fit(table)
        save(detector, folder / f"{name}.avae")
        labelled = table.assign(label=["good", "bad"] * 50)
        labelled.to_csv(folder / f"{name}.csv", index=False)
        table.to_json(folder / f"{name}.jsonl", orient="records", lines=True)
    numbers.to_parquet(folder / "numbers.parquet")
    images = random.integers(0, 256, (12, 16, 16), dtype=np.uint8)
    save(ImageVAEDetector(max_steps=2, random_state=0).fit(images), folder / "images.avae")
    for kind in ("good", "odd"):
        (folder / "images/test" / kind).mkdir(parents=True)
        for k in range(3):
            Image.fromarray(images[k]).save(folder / f"images/test/{kind}/{k}.png")
    (folder / "rules.toml").write_text(RULES.format(path=folder / "alerts.jsonl").replace("code", "a"))
    return folder


def imported_by(*commands: str, without: set[str], folder: object) -> set[str]:
    """The modules that a process has imported after several commands, none of which may need others."""
    return imported(f"NOT_WANTED = {without}{COMMANDS}", *commands, folder=folder)


def test_a_table_of_numbers_needs_numpy_and_pyarrow_alone(folder):
    """No library of fits, and no pandas."""
    imported_by(
        "inspect numbers.avae --json",
        "score numbers.avae numbers.csv -o scored.csv --explain all",
        "score numbers.avae numbers.csv -o scored.jsonl",
        "score numbers.avae numbers.jsonl -o scored.jsonl --force",
        "score numbers.avae numbers.csv -o scored.csv --force --tail gpd",
        "evaluate numbers.avae numbers.csv --label label --normal good",
        "threshold numbers.avae -o moved.avae --force --false-alarm-rate 0.1",
        "watch numbers.avae numbers.csv --alerts rules.toml --once --interval 0.01",
        without=NOT_FOR_NUMBERS,
        folder=folder,
    )


def test_the_service_needs_no_library_of_fits(folder):
    """Scoring, explaining and its metrics."""
    row = json.dumps({"a": 1.0, "b": None, "c": 0.5})
    assert not imported(SERVICE, "numbers.avae", row, folder=folder) & (FIT_ONLY | {"pandas"})


def test_a_mixed_table_needs_pandas_as_well(folder):
    """And nothing else; nor does a file that is only checked."""
    commands = ("score mixed.avae mixed.csv -o out.csv --force", "check mixed.csv")
    used = imported_by(*commands, without=NOT_FOR_NUMBERS - {"pandas"}, folder=folder)
    assert used & NOT_FOR_NUMBERS == {"pandas"}


def test_a_file_is_read_before_the_library_of_fits_is_imported(folder):
    """Their memory would add to that of the rows."""
    program = """
import json, sys
from anomaly_vae_pipelines.runs import fit
def stop(*_):
    names = [name for name in sys.modules if "." not in name]
    sys.stderr.write("\\n" + json.dumps(names))
    raise SystemExit
fit.fit_model = stop
fit.fit_file("mixed.csv", "never.avae")
"""
    assert not imported(program, folder=folder) & FIT_ONLY


def test_a_parquet_file_of_numbers_needs_no_library_of_fits(folder):
    """PyArrow itself imports pandas for its metadata."""
    imported_by("score numbers.avae numbers.parquet -o out.parquet --force", without=FIT_ONLY, folder=folder)


def test_images_need_no_library_of_fits(folder):
    """They are decoded by Pillow, and scored without torch."""
    imported_by(
        "inspect images.avae --json",
        "score images.avae images/test/good -o images.csv --explain all --force",
        "evaluate images.avae images",
        "threshold images.avae -o moved_images.avae --force --false-alarm-rate 0.5",
        without=FIT_ONLY | {"pandas", "onnx"},
        folder=folder,
    )
