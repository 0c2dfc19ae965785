"""Every page: its examples run, in its order, and its other blocks are checked for what they are."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from anomaly_vae_pipelines.cli.main import cli
from anomaly_vae_pipelines.runs.demo import run_demo
from anomaly_vae_pipelines.runs.export import export_file
from anomaly_vae_pipelines.service.settings import Settings, read_settings
from tests.anomaly_vae_pipelines.alerting.receiver import receiving
from tests.anomaly_vae_pipelines.service.live import serving
from tests.docs.pages import (
    DOCS,
    PAGES,
    README,
    blocks,
    file_name,
    is_run,
    run,
    run_page,
    shape,
    texts,
    title,
)

SLOW = (
    "explanation/scores.md",
    "explanation/vae.md",
    "guides/gpu.md",
    "guides/scikit-learn.md",
    "guides/plots.md",
    "guides/untrusted.md",
    "tutorial/images.md",
    "tutorial/production.md",
    "tutorial/table.md",
)
RUN = [
    pytest.param(page, id=title(page), marks=[pytest.mark.slow] if str(page).endswith(SLOW) else [])
    for page in PAGES
    if page != README and any(map(is_run, blocks(page)))
]
_SNIPPETS = {
    "docs/reference/rules.md": "the receiver, run by the tests of alerting",
    "docs/reference/service.md": "the client of Triton, run by the tests of the service",
}


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a demo."""
    folder = tmp_path_factory.mktemp("demo")
    run_demo(folder)
    return folder


@pytest.mark.parametrize("page", RUN)
def test_a_page_runs_as_it_stands(
    page: Path, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its examples give, and its commands print, what the page says, numbers of commands aside."""
    monkeypatch.chdir(tmp_path)
    assert run_page(page, monkeypatch, demo) > 0


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_every_block_is_of_a_kind_that_is_checked(page: Path) -> None:
    """Python and commands are run; toml, yaml, ini and json are read; an example is included and run."""
    for block in blocks(page):
        if block.language == "python" and not is_run(block):
            assert "--8<--" in block.text or title(page) in _SNIPPETS
        else:
            assert block.language in {"python", "console", "toml", "yaml", "ini", "json", "sh", "text", "js"}


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_configuration_is_well_formed(page: Path) -> None:
    """Blocks of yaml, ini and json can be read."""
    for text in texts(page, "yaml"):
        assert yaml.safe_load(text)
    for text in texts(page, "ini"):
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(text)
        assert parser.sections() == ["Unit", "Service", "Install"]
    for text in texts(page, "json"):
        assert json.loads(text)


def _commands() -> list[tuple[str, str]]:
    """Commands of ours that are shown and not run: in shell blocks, crontabs, units and indented lines."""
    found = []
    for page in PAGES:
        text = re.sub(r"```(?:console|python)\n.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        lines = re.findall(
            r"^(?! *<!--).*?anomaly-vae (?=[a-z]+ )(.*)$", text.replace("\\\n", " "), flags=re.MULTILINE
        )
        found += [
            (title(page), line)
            for line in lines
            if "`" not in line and "[OPTIONS]" not in line and line.split()[0] in cli.list_commands(None)  # type: ignore[arg-type]
        ]
    return found


@pytest.mark.parametrize(("page", "line"), _commands())
def test_a_command_that_is_shown_has_options_that_exist(page: str, line: str) -> None:
    """It can be parsed: no unknown option, no missing value."""
    command: click.Command = cli
    context = click.Context(cli, info_name="anomaly-vae")
    arguments = shlex.split(line.partition(" > ")[0].partition(" | ")[0], comments=True)
    while isinstance(command, click.Group):
        subcommand = command.get_command(context, arguments.pop(0))
        assert subcommand is not None
        command, context = subcommand, click.Context(subcommand, parent=context)
    command.make_parser(context).parse_args(arguments)


def test_the_settings_of_the_reference_are_all_there_are(tmp_path: Path) -> None:
    """Its file can be read, names every setting but those of passwords and CAs, and shows their defaults."""
    text = next(text for text in texts(DOCS / "reference" / "service.md", "toml"))
    path = tmp_path / "serve.toml"
    path.write_text(text, encoding="utf-8")
    settings, default = read_settings(str(path)), Settings()
    own = {"models", "verdicts_folder", "keys_file", "ssl_certfile", "ssl_keyfile"}
    for name in settings.model_fields_set - own:
        assert getattr(settings, name) == getattr(default, name), name
    assert set(Settings.model_fields) - settings.model_fields_set == {
        "keys",
        "ssl_keyfile_password",
        "ssl_ca_certs",
    }


def test_the_javascript_of_the_pages_prints_what_they_show(demo: Path, tmp_path: Path) -> None:
    """Node runs the one block, with the package onnxruntime-web, on the files of the page."""
    node, dist = shutil.which("node"), os.environ.get("ONNXRUNTIME_WEB")
    if node is None or dist is None:
        pytest.skip(
            "needs Node, and ONNXRUNTIME_WEB set to onnxruntime-web/dist (npm install onnxruntime-web)"
        )
    page = DOCS / "guides" / "onnx.md"
    ((script,), (printed,)) = texts(page, "js"), texts(page, "text")
    assert [other for other in PAGES if texts(other, "js")] == [page]
    (tmp_path / "node_modules").symlink_to(Path(dist).parents[1])
    (tmp_path / "score.mjs").write_text(script, encoding="utf-8")
    shutil.copy(demo / "test.csv", tmp_path)
    export_file(str(demo / "model.avae"), str(tmp_path / "model.onnx"))
    done = subprocess.run([node, "score.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert shape(done.stdout) == shape(printed), done.stderr
    assert int(done.stdout.split()[0]) == pytest.approx(int(printed.split()[0]), abs=5)


def test_a_block_of_rules_states_its_file_or_is_the_reference() -> None:
    """So that each is read by a command of its page, or by the tests of alerting and settings."""
    for page in PAGES:
        for block in blocks(page):
            if block.language == "toml" and not file_name(block):
                assert title(page) in {"docs/reference/rules.md", "docs/reference/service.md"}


@pytest.mark.parametrize(("answer", "code"), [(200, 3), (400, 1)])
def test_the_nightly_job_ends_as_the_guide_says(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: int, code: int
) -> None:
    """Its line of a crontab, with its rules: 3 if there was an alert, 1 if the receiver refused it."""
    text = (DOCS / "guides" / "alerts.md").read_text(encoding="utf-8")
    rules = next(rules for rules in texts(DOCS / "guides" / "alerts.md", "toml") if "webhook" in rules)
    (command,) = re.findall(r"^    0 3 \* \* \*  cd /data && anomaly-vae (.*)$", text, flags=re.MULTILINE)
    shutil.copy(demo / "model.avae", tmp_path)
    shutil.copy(demo / "test.csv", tmp_path / "today.csv")
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
    assert not bodies or any(shape(body).startswith(shape(what)) for body in bodies)


def test_the_service_answers_as_the_guide_says(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its two commands give that answer, numbers aside, and the service has the metrics of the reference."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    page = DOCS / "guides" / "service.md"
    serve, ask = next(text for text in texts(page, "sh") if "curl" in text).splitlines()
    (answer,) = texts(page, "json")
    shutil.copytree(demo, tmp_path / "demo")
    monkeypatch.chdir(tmp_path)
    _, _, *arguments = shlex.split(serve, comments=True)
    with serving(arguments) as live:
        printed = run(ask.replace("localhost:8080", live.url))
        metrics = "\n".join(run(f"curl -s {live.url}/metrics"))
        assert live.end() == 0
    assert [shape(re.sub(r'"id":"\w+"', "", line)) for line in printed] == [
        shape(re.sub(r'"id":"\w+"', "", answer))
    ]
    reference = (DOCS / "reference" / "service.md").read_text(encoding="utf-8")
    named = set(re.findall(r"anomaly_vae_\w+", reference)) - {"anomaly_vae_pipelines"}
    assert {name for name in named if name not in metrics} == set()
