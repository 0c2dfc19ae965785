"""Forgeries that broke a release are rejected or do no harm; each is tried in its own process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from anomaly_vae import ModelFileError, load
from anomaly_vae_pipelines.cli.main import cli
from tests.anomaly_vae import forging
from tests.forgeries import known
from tests.forgeries.making import REFUSED, names
from tests.forgeries.running import Outcomes

NAMES = names(known.__name__)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_forgery_that_broke_a_release_does_no_harm(name: str, outcomes: Outcomes) -> None:
    """It is refused in one line, or its scores are finite; within bounds of time, memory and processes."""
    outcome = outcomes[name]
    assert not outcome.verdict.is_breach, outcome
    assert outcome.verdict == "refused" or name not in REFUSED, outcome


@pytest.mark.slow
def test_what_broke_a_release_is_tried_at_all(outcomes: Outcomes) -> None:
    """Every forgery is judged."""
    assert outcomes.keys() >= set(NAMES)


class TestInspect:
    """`inspect` shows what was loaded, or calls it unverified; no control code of the file is among it."""

    def test_a_genuine_file_is_described(self, tmp_path: Path) -> None:
        """The command that all of these tests run does run."""
        shown = inspected(forged(tmp_path, lambda metadata: None))
        assert "threshold" in shown
        assert "TabularVAEDetector" in shown

    def test_a_forged_threshold_is_not_shown_as_the_models_own(self, tmp_path: Path) -> None:
        """The metadata say another threshold than the model has."""
        path = forged(tmp_path, lambda metadata: metadata["threshold"].update(offset=-98765.4321))
        shown = inspected(path)
        assert "-9.877e+04" not in shown or "unverified" in shown.lower()
        assert "-9.877e+04" in inspected(path, "--unverified")

    def test_a_forged_threshold_is_not_given_as_json(self, tmp_path: Path) -> None:
        """A script that reads the JSON is not misled either."""
        path = forged(tmp_path, lambda metadata: metadata["threshold"].update(offset=-98765.4321))
        shown = inspected(path, "--json")
        assert "98765" not in shown.replace(",", "") or "unverified" in shown.lower()

    def test_a_file_with_a_forged_threshold_is_not_loaded(self, tmp_path: Path) -> None:
        """Only what is said of the model is forged, and that is enough."""
        path = forged(tmp_path, lambda metadata: metadata["threshold"].update(offset=-98765.4321))
        with pytest.raises(ModelFileError, match="its metadata contradict the model: 'threshold'"):
            load(path)

    @pytest.mark.parametrize(
        "change",
        [
            lambda metadata: metadata.update(kind="\x1b[2Jgood"),
            lambda metadata: metadata.update(created="\x1b[2J"),
            lambda metadata: metadata["versions"].update(torch="\x1b[2J\nkind  verified"),
            lambda metadata: metadata["parameters"].update(device="\x1b[2J"),
            lambda metadata: metadata["parameters"].update({"\x1b[2J": 1}),
            lambda metadata: metadata["schema"][0].update(name="\x1b[2J\nx"),
            lambda metadata: metadata["schema"][0].update(detail="\x1b[2J"),
            lambda metadata: metadata["threshold"].update(tail="\x1b[2J"),
        ],
        ids=["kind", "created", "versions", "parameter", "name of a parameter", "column", "detail", "tail"],
    )
    def test_control_codes_do_not_reach_the_terminal(
        self, change: Callable[[dict[str, Any]], None], tmp_path: Path
    ) -> None:
        """A text of the file can neither clear the screen nor write a line of its own."""
        shown = inspected(forged(tmp_path, change))
        assert "\x1b" not in shown
        assert not any(line.startswith(("kind  verified", "x ")) for line in shown.splitlines())

    def test_a_text_without_end_is_not_shown_whole(self, tmp_path: Path) -> None:
        """A date of ten million letters is not a date."""
        path = forged(tmp_path, lambda metadata: metadata.update(created="9" * 10**7))
        assert len(inspected(path)) < 100_000


def forged(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A file whose metadata were changed."""
    members = forging.members(forging.detector())
    metadata = json.loads(members["metadata.json"])
    change(metadata)
    return forging.write(folder / "model.avae", members | {"metadata.json": json.dumps(metadata).encode()})


def inspected(path: Path, *options: str) -> str:
    """All that `anomaly-vae inspect` says of a file."""
    ran = CliRunner(catch_exceptions=False).invoke(cli, ["inspect", str(path), *options])
    assert ran.exit_code in (0, 1, 2), ran
    return ran.stdout + ran.stderr
