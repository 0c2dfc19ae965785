"""What the README says is executed."""

from __future__ import annotations

import doctest
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from anomaly_vae_pipelines.cli.main import cli
from anomaly_vae_pipelines.runs.demo import run_demo
from tests.anomaly_vae_pipelines.alerting.receiver import receiving
from tests.anomaly_vae_pipelines.service.live import serving

README = Path(__file__).parents[1] / "README.md"


def test_the_python_example_gives_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's session runs as it stands there."""
    monkeypatch.chdir(tmp_path)
    found = doctest.testfile(str(README), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert found.attempted >= 8
    assert found.failed == 0


def test_the_commands_print_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command of the README's console session succeeds, and prints those lines, numbers aside.

    Numbers are not compared, and of the scored table only the header and the number of lines:
    processors differ in the last bits of a product, and training carries that on.
    """
    session = _console_session(README.read_text(encoding="utf-8"))
    assert len(session) >= 7
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "110")
    for command, expected in session:
        if command.startswith("cd "):
            monkeypatch.chdir(command.removeprefix("cd "))
            continue
        printed = _run(command)
        if command.startswith("cut "):
            assert printed[0] == expected[0]
            assert len(printed) == len(expected)
        elif expected:
            assert [_shape(line) for line in printed] == [_shape(line) for line in expected]


@pytest.mark.parametrize(("answer", "code"), [(200, 3), (400, 1)])
def test_the_nightly_job_ends_as_the_readme_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: int, code: int
) -> None:
    """Its line of a crontab, with its rules: 3 where there was an alert, 1 where nobody took it."""
    text = README.read_text(encoding="utf-8")
    (rules,) = re.findall(r"```toml\n# rules.toml\n(.*?)```", text, flags=re.DOTALL)
    (command,) = re.findall(r"^    0 3 \* \* \*  cd /data && anomaly-vae (.*)$", text, flags=re.MULTILINE)
    run_demo(tmp_path)
    (tmp_path / "test.csv").rename(tmp_path / "today.csv")
    (tmp_path / "rules.toml").write_text(rules, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with receiving() as receiver:
        receiver.answers = [answer] * 99
        monkeypatch.setenv("ALERT_URL", receiver.url)
        monkeypatch.setenv("ALERT_SECRET", "secret")
        result = CliRunner(catch_exceptions=False).invoke(cli, shlex.split(command))
    assert result.exit_code == code, result.stderr
    what = re.findall(r'"what": "(.*?); \.\.\."', text)[0]
    bodies = [json.loads(body)["what"] for body in receiver.bodies]
    assert not bodies or any(_shape(body).startswith(_shape(what)) for body in bodies)


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


def _run(command: str) -> list[str]:
    """The lines that a command prints; ours run in this process, since starting one takes seconds."""
    if command.startswith("anomaly-vae "):
        result = CliRunner(catch_exceptions=False).invoke(cli, shlex.split(command)[1:])
        assert result.exit_code == 0, result.stderr
        return result.stdout.splitlines()
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _shape(line: str) -> str:
    """The line with its numbers taken out."""
    return re.sub(r"\s+", " ", re.sub(r"-?\d+(\.\d+)?", "#", line))


def test_the_service_answers_as_the_readme_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its two commands, on another port, give that answer, numbers aside."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    text = README.read_text(encoding="utf-8")
    ((serve, ask),) = re.findall(r"```sh\n(anomaly-vae serve.*?)\n(.*?)\n```", text, flags=re.DOTALL)
    answer = text.partition(ask)[2].split("```json\n")[1].split("\n```")[0]
    (tmp_path / "demo").mkdir()
    run_demo(tmp_path / "demo")
    monkeypatch.chdir(tmp_path)
    _, _, *arguments = shlex.split(serve, comments=True)
    with serving(arguments) as live:
        printed = _run(ask.replace("localhost:8080", live.url))
        assert live.end() == 0
    assert [_shape(re.sub(r'"id":"\w+"', "", line)) for line in printed] == [
        _shape(re.sub(r'"id":"\w+"', "", answer))
    ]
