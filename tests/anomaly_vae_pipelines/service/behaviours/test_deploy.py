"""The files of ``deploy/``, as far as they can be checked without Docker and Grafana."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from anomaly_vae import TabularVAEDetector
from anomaly_vae_pipelines.cli.serve import command as serve
from anomaly_vae_pipelines.service.app import create_app
from anomaly_vae_pipelines.service.models.files import model_paths
from anomaly_vae_pipelines.service.models.metrics import Metrics
from anomaly_vae_pipelines.service.models.registry import serve_models
from anomaly_vae_pipelines.service.settings import Settings
from tests.anomaly_vae_pipelines.service.live import serving_here, until

ROOT = Path(__file__).parents[4]
DEPLOY = ROOT / "deploy"
RULES = [
    rule for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
PANELS = DASHBOARD["panels"]
COMPOSE = yaml.safe_load((DEPLOY / "compose.yml").read_text())
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()

_OF_GRAFANA = {"$__rate_interval": "5m", "$model": ".*"}
_OF_PROMETHEUS = {"le", "instance", "job"}
_WORDS = {"and", "by", "group_left", "offset", "on", "or", "sum", "unless"}


def expressions() -> Iterator[tuple[str, str]]:
    """The name and the text of each expression of the rules and of the dashboard."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in PANELS:
        for target in panel["targets"]:
            text = target["expr"]
            for name, value in _OF_GRAFANA.items():
                text = text.replace(name, value)
            yield f"{panel['title']} {target['refId']}", text


EXPRESSIONS = dict(expressions())
PANEL_EXPRESSIONS = [name for name in EXPRESSIONS if name not in {rule["alert"] for rule in RULES}]


_MAY_BE_EMPTY = ("anomaly_vae_column_drift",)
"""Metrics without a series while no column drifts; neither rules nor dashboard read them."""


@pytest.fixture(scope="module")
def exposed(number_model: TabularVAEDetector) -> dict[str, set[str]]:
    """The names of all metrics of a service, each with the names of its labels."""
    registry = serve_models(number_model, Settings())
    rows = number_model.sample(250, random_state=0)
    metrics = Metrics(registry)
    served, _ = registry.get()
    served.statistics.add(number_model.score_samples(rows), number_model.predict(rows) == -1)
    metrics.answered("/v1/score", 200, 0.1)
    metrics.reload_failures.labels("model", "2").inc()
    found: dict[str, set[str]] = {"up": {"job", "instance"}}
    for family in text_string_to_metric_families(metrics.page().decode()):
        names = [sample.name for sample in family.samples]
        assert names or family.name in _MAY_BE_EMPTY, family.name
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    registry.close()
    return found


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_reads_metrics_and_labels_that_the_service_has(
    name: str, exposed: dict[str, set[str]]
) -> None:
    text = EXPRESSIONS[name]
    labels = {
        label for inside in re.findall(r"\{(.*?)\}", text) for label in re.findall(r"(\w+)\s*[=!]", inside)
    }
    grouped = re.findall(r"(?:by|on|group_left) \((.*?)\)", text)
    labels |= {label for names in grouped for label in names.replace(" ", "").split(",")}
    bare = re.sub(r"\{.*?\}|\[.*?\]|(?:by|on|group_left) \(.*?\)|offset \w+", " ", text)
    metrics = set(re.findall(r"\b[a-z_]\w*\b(?!\s*\()", bare)) - _WORDS
    assert metrics, "reads no metric"
    assert metrics <= set(exposed)
    assert labels <= set().union(_OF_PROMETHEUS, *(exposed[metric] for metric in metrics))


def test_the_dashboard_shows_every_metric_of_the_models(exposed: dict[str, set[str]]) -> None:
    """But for the bookkeeping of a metric that it shows, and the time that loading took."""
    text = json.dumps(PANELS)
    names = {name for name in exposed if not name.endswith(("_count", "_sum", "_created"))}
    unread = {name for name in names if not re.search(rf"\b{name}\b", text)}
    rows = {f"anomaly_vae_{name}_drift_rows" for name in ("score", "column")}
    assert unread == {"up", "anomaly_vae_model_load_seconds"} | rows


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_names_that_the_files_share_are_the_same() -> None:
    """The job and port of the service, the variables of the dashboard, and where files are mounted."""
    (job,) = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    assert f'job="{job["job_name"]}"' in EXPRESSIONS["ServiceDown"]
    (target,) = job["static_configs"][0]["targets"]
    name, _, port = target.partition(":")
    assert name in COMPOSE["services"]
    assert f"EXPOSE {port}\n" in DOCKERFILE
    (source,) = yaml.safe_load((DEPLOY / "grafana/datasources.yml").read_text())["datasources"]
    assert source["url"].partition("//")[2].partition(":")[0] in COMPOSE["services"]
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert set(re.findall(r"\$\{?(?!__)(\w+)", json.dumps(PANELS))) == variables
    (provider,) = yaml.safe_load((DEPLOY / "grafana/dashboards.yml").read_text())["providers"]
    grafana = COMPOSE["services"]["grafana"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home in [volume.split(":")[1] for volume in grafana["volumes"]]
    assert home.startswith(f"{provider['options']['path']}/")


def test_what_the_compose_file_mounts_exists() -> None:
    """Files of this folder, named volumes, and the folder of models, which the user names."""
    for service in COMPOSE["services"].values():
        for volume in service["volumes"]:
            source = re.sub(r"^\$\{\w+:\?.*?\}", "", volume).partition(":")[0]
            assert source in ("", *COMPOSE["volumes"]) or (DEPLOY / source).is_file(), volume
    built = COMPOSE["services"]["anomaly-vae"]["build"]
    assert (DEPLOY / built["context"]).resolve() == ROOT
    assert (ROOT / built["dockerfile"]).is_file()


def test_the_command_of_the_container_starts_the_service(tmp_path: Path) -> None:
    """Its options are those of ``serve``, its model is a folder of versions, and its files can be written."""
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.MULTILINE)
    assert json.loads(entry) == ["anomaly-vae", serve.name]
    (tmp_path / "1.avae").touch()
    command = COMPOSE["services"]["anomaly-vae"]["command"]
    given = serve.make_context("serve", [text.replace("/models", str(tmp_path)) for text in command]).params
    (model,) = model_paths(given["models"], {})
    assert (model.name, [file.version for file in model.files()]) == ("model", ["1"])
    chosen = {name: given[name] for name in ("host", "history", "verdicts_folder")}
    assert Settings(**chosen).host == "0.0.0.0"
    assert f"mkdir -p {chosen['verdicts_folder']}" in DOCKERFILE
    assert str(Path(chosen["history"]).parent) in COMPOSE["services"]["anomaly-vae"]["volumes"][1]


def test_the_check_of_the_container_asks_for_a_path_of_the_service(number_model: TabularVAEDetector) -> None:
    (path,) = re.findall(r"http://localhost:8080(/[\w/]+)", DOCKERFILE)
    with TestClient(create_app(number_model)) as client:
        assert client.get(path).status_code == 200


def test_the_image_has_what_its_build_needs(tmp_path: Path) -> None:
    """What it copies can be installed, and the install line is one of pip, with an extra that exists."""
    lines = re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE)
    copied = [name for line in lines for name in line.split()[:-1]]
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text()
    assert copied == re.findall(r"^!(.*)$", ignored, re.MULTILINE)
    for name in copied:
        source, target = ROOT / name, tmp_path / name
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    (line,) = re.findall(r"^RUN (pip install .*'\..*)$", DOCKERFILE, re.MULTILINE)
    dry = "--dry-run --force-reinstall --no-deps --no-build-isolation --no-index --disable-pip-version-check"
    command = [sys.executable, "-m", *shlex.split(line), *dry.split()]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "Would install anomaly-vae-" in ended.stdout
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r"\[(\w+)\]", line)) == {"serve"} <= set(extras)


@pytest.fixture(scope="module")
def promtool() -> str:
    """The checker of Prometheus."""
    path = shutil.which("promtool")
    if path is None:
        pytest.skip("no promtool on this machine (Debian: apt-get install prometheus)")
    return path


def checked(*arguments: str | Path) -> None:
    """Run a command; fails with its output."""
    ended = subprocess.run(arguments, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_prometheus_reads_its_files(promtool: str) -> None:
    """The configuration names the file of rules beside it."""
    checked(promtool, "check", "config", DEPLOY / "prometheus.yml")


def test_alerts_are_raised_when_they_should_be_and_not_otherwise(promtool: str) -> None:
    checked(promtool, "test", "rules", Path(__file__).with_name("alerts_test.yml"))


def test_prometheus_reads_the_expressions_of_the_dashboard(promtool: str, tmp_path: Path) -> None:
    rules: list[dict[str, Any]] = [
        {"record": f"r{n}", "expr": text} for n, text in enumerate(EXPRESSIONS.values())
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    checked(promtool, "check", "rules", tmp_path / "rules.yml")


@pytest.mark.slow
def test_prometheus_has_data_for_each_panel(model: str, unseen: str, tmp_path: Path) -> None:
    """A running Prometheus, with the times of its files shortened, reads a running service."""
    prometheus = shutil.which("prometheus")
    if prometheus is None:
        pytest.skip("no Prometheus on this machine (Debian: apt-get install prometheus)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with serving_here([f"orders={model}"]) as url:
        text = (DEPLOY / "prometheus.yml").read_text().replace("15s", "1s")
        text = text.replace("anomaly-vae:8080", url.partition("//")[2])
        (tmp_path / "prometheus.yml").write_text(text.replace("alerts.yml", str(DEPLOY / "alerts.yml")))
        command = [prometheus, f"--config.file={tmp_path / 'prometheus.yml'}"]
        command += [f"--storage.tsdb.path={tmp_path / 'data'}", f"--web.listen-address={address}"]
        running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            without: list[str] = []

            def has_data() -> bool:
                """Whether all panels have, after more rows were scored."""
                content, headers = Path(unseen).read_bytes(), {"content-type": "text/csv"}
                httpx2.post(f"{url}/v1/score", content=content, headers=headers)
                without[:] = [name for name in PANEL_EXPRESSIONS if not queried(address, EXPRESSIONS[name])]
                return not without

            assert until(has_data, 60.0), without
        finally:
            running.terminate()
            running.wait(30)


def queried(address: str, expression: str) -> list[Any]:
    """The series that Prometheus has for an expression; none before it has started."""
    try:
        answer = httpx2.get(f"http://{address}/api/v1/query", params={"query": expression}).json()
    except httpx2.TransportError:
        return []
    return list(answer["data"]["result"])
