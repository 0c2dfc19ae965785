"""What the README says is executed."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.demo import run_demo

README = Path(__file__).parents[1] / "README.md"


def test_the_python_example_gives_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's session runs as it stands there."""
    monkeypatch.chdir(tmp_path)
    found = doctest.testfile(str(README), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert found.attempted >= 8
    assert found.failed == 0


def test_the_commands_print_what_they_say(tmp_path: Path) -> None:
    """Each command of the README's console session succeeds, and prints those lines, numbers aside.

    Numbers are not compared, and of the scored table only the header and the number of lines:
    processors differ in the last bits of a product, and training carries that on.
    """
    session = _console_session(README.read_text(encoding="utf-8"))
    assert len(session) >= 7
    directory = tmp_path
    for command, expected in session:
        if command.startswith("cd "):
            directory = directory / command.removeprefix("cd ")
            continue
        printed = _run(command, directory)
        if command.startswith("cut "):
            assert printed[0] == expected[0]
            assert len(printed) == len(expected)
        elif expected:
            assert [_shape(line) for line in printed] == [_shape(line) for line in expected]


def _console_session(text: str) -> list[tuple[str, list[str]]]:
    """Commands and the lines that each is said to print."""
    (block,) = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    steps: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        else:
            steps[-1][1].append(line)
    return steps


def _run(command: str, directory: Path) -> list[str]:
    command = command.replace("anomaly-vae", f"{sys.executable} -m pipelines.cli")
    environment = os.environ | {"PYTHONPATH": str(README.parent), "COLUMNS": "110"}
    done = subprocess.run(
        command, shell=True, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _shape(line: str) -> str:
    """The line with its numbers taken out."""
    return re.sub(r"\s+", " ", re.sub(r"-?\d+(\.\d+)?", "#", line))


def test_the_service_answers_as_the_readme_says(tmp_path: Path) -> None:
    """Its two commands, on another port, give that answer, numbers aside."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    text = README.read_text(encoding="utf-8")
    ((serve, ask),) = re.findall(r"```sh\n(anomaly-vae serve.*?)\n(.*?)\n```", text, flags=re.DOTALL)
    answer = text.partition(ask)[2].split("```json\n")[1].split("\n```")[0]
    (tmp_path / "demo").mkdir()
    run_demo(tmp_path / "demo")
    command = serve.partition("#")[0].split()[1:]
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *command, "--port", "0"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(README.parent)},
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        try:
            port = next(
                found[1] for line in process.stderr if (found := re.search(r"http://\S+:(\d+)", line))
            )
            printed = _run(ask.replace("8080", port), tmp_path)
        finally:
            process.terminate()
            process.stderr.read()
    assert process.returncode == 0
    assert [_shape(re.sub(r'"id":"\w+"', "", line)) for line in printed] == [
        _shape(re.sub(r'"id":"\w+"', "", answer))
    ]
