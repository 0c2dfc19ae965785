"""What is run with a fault in it, and what has to be true afterwards."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table
from tests.anomaly_vae_pipelines.faults.calls import is_hidden

FORMATS = ("csv", "csv.gz", "jsonl", "parquet")
N_ROWS = 9
BLOCK_BYTES = 200

RULES = """
time = "day"
cooldown = "0s"
patience = "0s"
[[rule]]
name = "row"
kind = "score"
below = {score}
[[rule]]
name = "whole"
kind = "share"
share = 0.01
least = 1
[[sink]]
kind = "jsonl"
path = "{path}"
"""


@dataclass
class Place:
    """The files of one fault: inputs and model, which stay, and a folder that is made again each time."""

    base: Path
    model: str

    @property
    def work(self) -> Path:
        return self.base / "work"

    @property
    def report(self) -> Path:
        return self.base / "report.txt"

    def table(self, *, bad: bool) -> str:
        """A table of a few blocks, with a row that cannot be read or without."""
        path = self.base / ("bad.csv" if bad else "good.csv")
        if not path.exists():
            rows = orders(N_ROWS)
            for number, row in enumerate(rows):
                row[5] = f"2026-01-01T00:{number:02d}:00"
            write_table(path, COLUMNS, rows)
            lines = path.read_bytes().split(b"\r\n")
            if bad:
                lines[N_ROWS // 2] = b"1,2"
            path.write_bytes(b"\n".join(lines))
        return str(path)

    def rules(self, alerts: str) -> str:
        """Rules whose alerts are delivered to a file, or wait because its folder does not exist."""
        path = self.base / f"{alerts}.toml"
        folder = self.work if alerts == "delivered" else self.work / "none"
        path.write_text(RULES.format(score=-14.9, path=folder / "alerts.jsonl"))
        return str(path)

    def clear(self) -> None:
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()


@dataclass(frozen=True)
class ScoreCase:
    """A run of ``score``."""

    format: str
    resume: bool
    quarantine: bool
    alerts: str

    def __str__(self) -> str:
        words = ["score", self.format, "--resume" if self.resume else "--force"]
        words += ["quarantine"] if self.quarantine else []
        return " ".join([*words, *([f"alerts {self.alerts}"] if self.alerts else [])])

    def arguments(self, place: Place) -> list[str]:
        out = str(place.work / f"out.{self.format}")
        words = ["score", place.model, place.table(bad=self.quarantine), "-o", out, "--quiet", "--jobs", "1"]
        words += ["--resume"] if self.resume else ["--force"]
        words += ["--on-bad-row", "quarantine"] if self.quarantine else []
        if self.alerts:
            words += ["--alerts", place.rules(self.alerts), "--alert-state", str(place.work / "state.json")]
            words += ["--alerts-may-wait"]
        return words

    def prepare(self, place: Place) -> None:
        """An old output where it may be replaced, else none: then one that is there has to be recognised."""
        place.clear()
        if not self.resume:
            for path in self.outputs(place):
                path.write_text("old")

    def outputs(self, place: Place) -> list[Path]:
        out = place.work / f"out.{self.format}"
        return [out, out.with_name(f"{out.name}.rejected")] if self.quarantine else [out]

    def olds(self) -> list[bytes | None]:
        return [None if self.resume else b"old"] * (2 if self.quarantine else 1)

    def result(self, place: Place) -> list[bytes | None]:
        """What an undisturbed run leaves, alerts aside."""
        return [path.read_bytes() if path.exists() else None for path in self.outputs(place)]

    def is_whole(self, place: Place, expected: list[bytes | None]) -> bool:
        """Whether each file is the complete old or the complete new one."""
        known = zip(self.result(place), self.olds(), expected, strict=True)
        return all(now in (old, new) for now, old, new in known)

    @property
    def cleans_up(self) -> bool:
        return not self.resume


@dataclass(frozen=True)
class WatchCase:
    """A run of ``watch`` over a file that is there."""

    alerts: str

    def __str__(self) -> str:
        return f"watch, alerts {self.alerts}"

    def arguments(self, place: Place) -> list[str]:
        words = ["watch", place.model, place.table(bad=True), "--alerts", place.rules(self.alerts)]
        words += ["--rejected", str(place.work / "rejected.csv"), "--checkpoint", str(place.work / "place")]
        return [*words, "--alerts-may-wait", "--once", "--interval", "0.01", "--quiet"]

    def prepare(self, place: Place) -> None:
        place.clear()

    def result(self, place: Place) -> list[object]:
        """The checkpoint, and the rejected rows, which may come more than once."""
        state = json.loads((place.work / "place").read_text())
        with (place.work / "rejected.csv").open(newline="") as stream:
            rows = {tuple(row) for row in csv.reader(stream, strict=True)}
        return [state, sorted(rows)]

    def is_whole(self, place: Place, expected: list[object]) -> bool:
        """Whether the checkpoint is one."""
        path = place.work / "place"
        return not path.exists() or bool(json.loads(path.read_text()))

    @property
    def cleans_up(self) -> bool:
        return True


Case = ScoreCase | WatchCase


def all_cases() -> Iterator[Case]:
    """Every combination of format, options and alerts."""
    for file_format, resume, quarantine, alerts in product(
        FORMATS, (False, True), (False, True), ("", "delivered", "waiting")
    ):
        if alerts != "waiting" or (file_format == "csv" and quarantine):
            yield ScoreCase(file_format, resume, quarantine, alerts)
    yield from (WatchCase("delivered"), WatchCase("waiting"))


def alert_ids(place: Place) -> set[str]:
    """IDs of all alerts that were delivered or are waiting; an incomplete line is not counted."""
    lines = [path.read_text() for path in place.work.glob("*.spool/*/*.json")]
    delivered = place.work / "alerts.jsonl"
    lines += delivered.read_text().splitlines() if delivered.exists() else []
    return {alert["id"] for alert in map(_parsed, lines) if alert is not None}


def hidden_files(place: Place) -> set[str]:
    """Files that no user should find after a run."""
    return {str(path) for path in place.work.rglob("*") if is_hidden(path)}


def _parsed(line: str) -> dict[str, str] | None:
    try:
        return json.loads(line)
    except ValueError:
        return None
