"""The scripts of the documentation print what the pages show."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PAGES, ROOT, shape

EXAMPLES = sorted((DOCS / "examples").glob("*.py"))
SLOW = ("vae_from_scratch",)
"""Trains six networks."""


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(script, marks=[pytest.mark.slow] if script.stem in SLOW else [], id=script.stem)
        for script in EXAMPLES
    ],
)
def test_an_example_prints_what_its_page_shows(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The words are the same, and numbers between 0 and 1, such as an AUROC, are the same within 0.03."""
    runpy.run_path(str(script), run_name="__main__")
    printed = capsys.readouterr().out
    expected = script.with_suffix(".txt").read_text(encoding="utf-8")
    assert [shape(line) for line in printed.splitlines()] == [shape(line) for line in expected.splitlines()]
    assert _fractions(printed) == pytest.approx(_fractions(expected), abs=0.03)


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_an_example_stands_in_a_page_with_its_output(script: Path) -> None:
    """Both are included from their files, so that neither is written twice."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for path in (script, script.with_suffix(".txt")):
        assert f'--8<-- "{path.relative_to(ROOT).as_posix()}"' in text


def _fractions(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"\b0\.\d+\b", text)]
