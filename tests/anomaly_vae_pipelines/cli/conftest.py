"""Fixtures for tests of several commands: fits with a configuration file, and rules with a file of alerts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

RULES = """
[[rule]]
name = "odd row"
kind = "score"
key = ["code"]

[[sink]]
kind = "jsonl"
path = "{path}"
"""


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(RULES.format(path=tmp_path / "alerts.jsonl"))
    return str(path)


def alerts_in(directory: Path) -> list[dict]:
    path = directory / "alerts.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def fit(run, train, tiny, tmp_path):
    """Fit on the training table; gives how it ended and the file of the model."""

    def invoke(*options: str, table: str = train, config: str = tiny, stdin: bytes | None = None):
        path = str(tmp_path / "model.avae")
        return run("fit", table, "-o", path, "--force", "--config", config, *options, stdin=stdin), path

    return invoke


def parameters_of(run, path: str) -> dict[str, object]:
    return json.loads(run("inspect", path, "--json").out)["parameters"]
