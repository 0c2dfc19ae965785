"""The README: short, and everything it shows is run."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from tests.docs.pages import DOCS, README, ROOT, run_page, texts


def test_it_is_short() -> None:
    """At most 8 kB."""
    assert len(README.read_bytes()) <= 8192


def test_its_examples_and_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Python session gives, and its commands print, what it says."""
    monkeypatch.chdir(tmp_path)
    assert run_page(README, monkeypatch) >= 16


def test_the_commands_to_install_name_extras_that_exist() -> None:
    """The install block installs the checkout, with extras of pyproject.toml."""
    (install,) = [text for text in texts(README, "sh") if "pip install" in text]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    assert install.startswith("pip install . ")
    assert set(re.findall(r"\.\[(.*?)\]", install)[0].split(",")) <= set(extras)


@pytest.mark.parametrize("target", ["demo", "docs", "check"])
def test_the_make_targets_exist(target: str) -> None:
    """Each target that the README names is in the Makefile."""
    assert f"make {target}" in README.read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_the_results_are_those_of_the_benchmarks() -> None:
    """Each row of the table has the figures, rounded, of the page that says how they were measured."""
    text = README.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (clean|contaminated) \| (\w+).*?\|(.*)$", text, flags=re.MULTILINE)
    assert len(rows) == 6
    for training, tables, cells in rows:
        quoted = [float(number) for number in re.findall(r"\.\d+", cells)]
        assert quoted == pytest.approx(_measured(training, tables), abs=0.00051)


def _measured(training: str, tables: str) -> list[float]:
    """AUROC and average precision of the detectors, in the order of the README's columns."""
    benchmarks = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    part = benchmarks[benchmarks.index(f"| learned from {training} rows |") :].partition("\n\n")[0]
    header, _, *lines = [[cell.strip(" *") for cell in line.split("|")] for line in part.splitlines()]
    name = {"classical": "classical", "embeddings": "MVTec", "all": "all"}[tables]
    (column,) = (position for position, cell in enumerate(header) if cell.startswith(f"{name} ("))
    cells = {line[1]: line[column] for line in lines}
    detectors = ("anomaly-vae", "kNN, mean of 5", "isolation forest", "Gaussian")
    return [float(number) for detector in detectors for number in re.findall(r"\.\d+", cells[detector])]


def test_the_picture_shows_what_was_measured() -> None:
    """The detector is level with the best if some training rows are malignant, and not if none is."""
    measured = pd.read_csv(DOCS / "images" / "contaminated.csv")
    auroc = measured.pivot_table(index="share", columns="detector", values="auroc")
    behind = auroc.max(axis=1) - auroc["anomaly-vae"]
    assert (behind[behind.index > 0] < 0.005).all()
    assert (auroc["kNN"] < auroc["anomaly-vae"] - 0.01)[auroc.index > 0].all()
    assert auroc.idxmax(axis=1)[0.0] == "isolation forest"


@pytest.mark.slow
def test_the_picture_can_be_measured_again() -> None:
    """One of its points, measured again, is where it was."""
    measure = runpy.run_path(str(DOCS / "images" / "draw_peers.py"))["measure"]
    measured = pd.read_csv(DOCS / "images" / "contaminated.csv").set_index(["share", "seed", "detector"])
    for name, auroc, _ in measure(0.2, 0):
        assert auroc == pytest.approx(measured.loc[(0.2, 0, name), "auroc"], abs=0.02)
