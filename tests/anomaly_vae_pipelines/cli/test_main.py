"""The group of commands and its entry points."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from anomaly_vae import __version__
from anomaly_vae_pipelines.cli.main import COMMANDS
from tests.anomaly_vae_pipelines.conftest import process_environment

_LIST_HEAVY = """
import sys
from anomaly_vae_pipelines.cli.main import cli
for line in sys.stdin.read().splitlines():
    try:
        cli.main(line.split("\\t"))
    except SystemExit as end:
        assert not end.code, line
    heavy = {"torch", "pandas", "numpy", "sklearn", "scipy", "skops", "rich"}
    print(f"\\nafter {line}:", *sorted(heavy & set(sys.modules)))
"""


def heavy_after(*commands: list[str]) -> list[str]:
    """For each of several commands, run in one process, the last line of its output and what is imported."""
    lines = "\n".join("\t".join(arguments) for arguments in commands)
    done = subprocess.run(
        [sys.executable, "-c", _LIST_HEAVY],
        input=lines, capture_output=True, text=True, env=process_environment(), check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


def test_help_answers_without_anything_heavy():
    """No help imports torch, pandas or their like, so that it answers at once."""
    commands = [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)]
    lines = heavy_after(*commands)
    for arguments in commands:
        end = lines.index("after " + "\t".join(arguments) + ":")
        assert end > 0
        assert not lines[end - 1].startswith("after ")


def test_reading_metadata_needs_nothing_heavy(model):
    """inspect --unverified answers without torch and scikit-learn."""
    arguments = ["inspect", model, "--json", "--unverified"]
    assert heavy_after(arguments)[-1] == "after " + "\t".join(arguments) + ":"


def test_every_command_is_listed_with_a_whole_sentence(run):
    """The list of commands cuts no sentence off."""
    ended = run("--help")
    assert ended.code == 0
    assert "..." not in ended.out.split("Commands:")[1]
    for name in COMMANDS:
        assert f"\n  {name} " in ended.out


def test_the_version_is_that_of_the_package(run):
    """One number everywhere."""
    assert __version__ in run("--version").out


def test_nothing_at_all_shows_the_help(run):
    """The program without arguments shows its help, with the exit code of bad usage."""
    ended = run()
    assert ended.code == 2
    assert "Commands:" in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scor"], "there is no command 'scor'; did you mean 'score'?"),
        (["fit"], "Missing argument 'TRAIN' (see anomaly-vae fit --help)"),
        (["sample", "m", "-n", "0", "-o", "x"], "Invalid value for '-n'"),
        (["--frobnicate"], "No such option"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(run, arguments, words):
    """A mistake in the arguments is reported like every other error."""
    ended = run(*arguments)
    assert ended.code == 2
    assert words in ended.err
    assert ended.err.startswith("anomaly-vae: error: ")
    assert ended.err.count("\n") == 1
    assert ended.out == ""


def test_it_runs_as_a_module_anywhere(run_process, tmp_path, monkeypatch):
    """``python -m anomaly_vae_pipelines.cli`` is the same program."""
    monkeypatch.chdir(tmp_path)
    ended = run_process("--version")
    assert (ended.code, ended.out) == (0, f"anomaly-vae, version {__version__}{os.linesep}")
