"""Pages of the documentation, the blocks of code in them, and a way to run a page from top to bottom."""

from __future__ import annotations

import doctest
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from anomaly_vae_pipelines.cli.main import cli

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]

_BLOCK = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
OnCommand = Callable[[str, list[str], pytest.MonkeyPatch, Path | None], None]

_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    """A fenced block: its language and its text."""

    language: str
    text: str


def title(page: Path) -> str:
    """The path of a page from the root, for the name of a test."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """Every fenced block of a page, in order."""
    return [Block(*found) for found in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def texts(page: Path, language: str) -> list[str]:
    """The texts of the blocks of one language."""
    return [block.text for block in blocks(page) if block.language == language]


def is_run(block: Block) -> bool:
    """Whether ``run_page`` does something with a block."""
    if block.language == "python":
        return ">>> " in block.text
    return block.language == "console" or bool(file_name(block))


def file_name(block: Block) -> str | None:
    """The name of the file that a block of TOML is, if its first line says one."""
    found = re.match(r"# (\w+\.toml)\n", block.text)
    return found[1] if found and block.language == "toml" else None


def run_page(
    page: Path,
    monkeypatch: pytest.MonkeyPatch,
    demo: Path | None = None,
    on_command: OnCommand | None = None,
) -> int:
    """Run a page in the current folder, and return the number of its commands and Python examples.

    In the order of the page, Python examples run as doctests with common variables, blocks of TOML that
    name a file are written to it, and commands print what the page says. With ``demo``, the files of a
    demo that has been run are copied instead of running it again. ``on_command`` replaces the
    comparison of a command.
    """
    on_command = on_command or compare_command
    monkeypatch.setenv("COLUMNS", "110")
    variables: dict[str, Any] = {}
    n_run = 0
    for block in filter(is_run, blocks(page)):
        name = file_name(block)
        if block.language == "python":
            n_run += _run_python(page, block.text, variables)
        elif name:
            Path(name).write_text(block.text, encoding="utf-8")
        else:
            for command, expected in session(block.text):
                on_command(command, expected, monkeypatch, demo)
                n_run += 1
    return n_run


def _run_python(page: Path, text: str, variables: dict[str, Any]) -> int:
    test = doctest.DocTestParser().get_doctest(text, variables, title(page), str(page), 0)
    report: list[str] = []
    result = doctest.DocTestRunner(optionflags=_FLAGS).run(test, out=report.append, clear_globs=False)
    variables.update(test.globs)
    assert not result.failed, "".join(report)
    return result.attempted


def session(text: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a console block, and the lines that each prints."""
    for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, printed = step.replace("\\\n", " ").partition("\n")
        yield command, printed.splitlines()


def compare_command(
    command: str, expected: list[str], monkeypatch: pytest.MonkeyPatch, demo: Path | None = None
) -> None:
    """Run a command of a page and compare what it prints, if the page shows that.

    Numbers are not compared, and of a table that ``cut`` prints only the header and the number of lines:
    processors differ in the last bits of a product, and training amplifies that.
    """
    if command.startswith("cd "):
        monkeypatch.chdir(command.removeprefix("cd "))
        return
    if demo and command.startswith("anomaly-vae demo"):
        shutil.copytree(demo, shlex.split(command)[-1])
        return
    printed = run(command)
    if command.startswith("cut "):
        assert printed[0] == expected[0], command
        assert len(printed) == len(expected), command
    elif expected:
        assert [shape(line) for line in printed] == [shape(line) for line in expected], command


def run(command: str) -> list[str]:
    """The lines that a command prints; ours run in this process, since starting one takes seconds."""
    if command.startswith("anomaly-vae "):
        arguments = shlex.split(command, comments=True)[1:]
        result = CliRunner(catch_exceptions=False).invoke(cli, arguments)
        # 3: an alert was raised, where the command asks for that.
        assert result.exit_code == (3 if "--fail-on-alert" in arguments else 0), result.stderr
        return result.stdout.rstrip("\n").splitlines()
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n").splitlines()


def shape(line: str) -> str:
    """The line with its numbers, and the heights of its charts, taken out."""
    line = re.sub("[ |▁-█]*[▁-█][ |▁-█]*", " ▁", line)
    return re.sub(r"\s+", " ", re.sub(r"[-+]?\d+(\.\d+)?(e[+-]\d+)?", "#", line)).rstrip()
