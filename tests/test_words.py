"""The words of the project: terms of the field, and plain English.

CONTRIBUTING.md has the glossary. The words that it replaced, and phrases that readers had to ask about, must
not come back into what users and developers read: documentation, docstrings, comments, messages, help, pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

OLD_WORDS = {
    "partner": "closed-form member",
    "partners": "closed-form members",
    "voice": "network",
    "voices": "networks",
    "promise": "guarantee",
    "promises": "guarantees",
    "promised": "guaranteed",
    "survey": "first pass",
    "surveyed": "found in a first pass",
    "tally": "stats",
    "guard": "middleware",
    "refusal": "error response",
    "refusals": "error responses",
    "door": "router, route or API",
    "doors": "routers",
    "house": "architecture",
    "room": "module or package",
    "rooms": "modules or packages",
    "arrow points": "import rule",
    "arrows": "import rules",
    "endings": "exit codes",
    "lets? go of": "close or release",
    "typical_parts_": "typical_contributions_",
    "take (?:a|its|their) turn": "wait in the queue",
}
"""Old words of the project, as patterns, and what to write instead."""

PHRASES = {
    r"whoever": "anyone who, or the caller",
    r"anew": "again; start over",
    r"so many": "this many, N",
    r"(?:is|are|was|be|unless|as) told": "receives; is set to; by default",
    r"gone? on with": "resumed; continue",
    r"broken off": "interrupted",
    r"wants? to be": "must be",
    r"by heart": "memorised",
    r"(?:is|are|be|was) shut": "closed",
    r"nats a (?:row|column|feature|value|pixel)": "nats per row",
    r"(?:rows|alerts|images|requests) a (?:second|minute|day|block)": "rows per second",
    r"(?<!there\s)is no (?!longer|more than|need|way|matter|reason|other|default|limit)[a-z]+": "is not a X",
    r"what is no": "what is not a",
    r"made-up|made up": "generated",
    r"brought to disk": "flushed",
    r"a row of its own right": "a row",
    r"nobody": "no user, no process; or passive voice",
    r"somebody": "a user, a caller",
    r"heard": "detected",
    r"truth values?": "boolean",
    r"parted by": "separated by",
    r"in a word": "in short",
    r"goes? by the name": "is named",
    r"tak(?:e|es|en) up again": "resumed",
    r"fit for JSON": "JSON-serialisable",
    r"it is well": "healthy",
    r"looked at once": "read once",
    r"say which": "specify",
}
"""Patterns that readers in other countries had to ask about, and what to write instead."""

_STATE = "anomaly_vae/states/fitted.py"
_BASE = "anomaly_vae/detectors/_base.py"
_PAGE = "pipelines/anomaly_vae_pipelines/service/page"

ALLOWED: dict[tuple[str, str], str] = {
    ("typical_parts_", _STATE): "a key in model files",
    ("typical_parts_", _BASE): "a key in model files, and the deprecated attribute",
    ("promise", f"{_PAGE}/score.js"): "the class of JavaScript",
    ("promise", f"{_PAGE}/events.js"): "the class of JavaScript",
    ("promise", f"{_PAGE}/api.js"): "the class of JavaScript",
    ("tally", "pipelines/anomaly_vae_pipelines/runs/score.py"): "a key in journals",
    ("room", "docs/images/draw_scores.py"): "space in a plot",
}
"""(pattern, file): why it stays."""

_TEXTS = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "RELEASING.md",
    "Makefile",
    "pyproject.toml",
    "mkdocs.yml",
)
_FOLDERS = ("anomaly_vae", "pipelines", "docs", "benchmarks", ".ci", ".github")
_SUFFIXES = {".py", ".md", ".js", ".html", ".css", ".toml", ".yml", ".yaml"}


def files() -> Iterator[Path]:
    """Files that users or developers read."""
    yield from (ROOT / name for name in _TEXTS if (ROOT / name).exists())
    for folder in _FOLDERS:
        found = (path for path in (ROOT / folder).rglob("*") if path.suffix in _SUFFIXES)
        yield from (path for path in found if "node_modules" not in path.parts and "site" not in path.parts)


def hits(pattern: str, text: str) -> Iterator[tuple[int, str]]:
    """Line numbers and lines of a text with a pattern, which may go over the end of a line."""
    words = re.compile(
        rf"(?<![A-Za-z])(?:{pattern.replace(' ', chr(92) + 's+(?:#: |# |> )?')})(?![A-Za-z])", re.IGNORECASE
    )
    for match in words.finditer(text):
        number = text.count("\n", 0, match.start())
        yield number + 1, text.splitlines()[number].strip()


@pytest.mark.parametrize("pattern", [*OLD_WORDS, *PHRASES])
def test_a_word_that_was_replaced_does_not_come_back(pattern: str) -> None:
    """Each hit is shown with what to write instead."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line}"
        for path in files()
        if (pattern, path.relative_to(ROOT).as_posix()) not in ALLOWED
        for number, line in hits(pattern, path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join([f"write {(OLD_WORDS | PHRASES)[pattern]!r}:", *found])


def test_every_exception_is_still_needed() -> None:
    """An entry of ALLOWED without a hit goes."""
    for pattern, name in ALLOWED:
        assert list(hits(pattern, (ROOT / name).read_text(encoding="utf-8"))), (pattern, name)


def test_the_search_finds_a_phrase_over_the_end_of_a_line() -> None:
    """In a comment too."""
    assert [number for number, _ in hits("so many", "a\n# so\n# many rows, So many")] == [2, 3]
    assert not list(hits("room", "headroom rooms"))
