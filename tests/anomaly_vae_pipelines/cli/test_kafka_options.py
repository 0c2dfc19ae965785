"""The options of topics."""

from __future__ import annotations

import subprocess
import sys

import pytest

from anomaly_vae_pipelines.io.kafka import consumer
from tests.anomaly_vae_pipelines.conftest import process_environment


@pytest.fixture
def refused(run, tmp_path):
    """Run a watch that is refused in one line before its model is opened; returns the line."""

    def check(*arguments: str, code: int = 2) -> str:
        ended = run("watch", "model.avae", *arguments, "--alerts", "rules.toml")
        assert (ended.code, ended.out, ended.err.count("\n")) == (code, "", 1), ended
        return ended.err

    return check


@pytest.mark.parametrize("option", ["--group", "--kafka-config", "--key-column"])
def test_options_of_a_topic_are_refused_with_a_file(refused, option):
    assert f"{option} cannot be used with a file or a directory" in refused("app.csv", option, "x")


def test_a_topic_has_no_format(refused):
    """Its messages are JSON objects."""
    problem = refused("kafka://broker/orders", "--group", "g", "--format", "csv")
    assert "--format cannot be used with a topic" in problem


def test_a_topic_needs_a_group(refused):
    assert "add --group NAME" in refused("kafka://broker/orders")


def test_a_password_on_the_command_line_is_refused_and_not_printed(refused):
    assert "s3cret" not in refused("kafka://me:s3cret@broker/orders", "--group", "g")


def test_the_client_is_imported_only_for_a_topic():
    """Not by the help, nor by the modules around it."""
    modules = "cli.watch, cli.kafka_options, io.kafka.consumer, runs.watch_topic, sources.messages"
    imports = "".join(f"import anomaly_vae_pipelines.{name}; " for name in modules.split(", "))
    code = f"import sys; {imports}assert 'confluent_kafka' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env=process_environment())


def test_without_the_extra_the_exit_code_is_that_of_a_failure(refused, monkeypatch):
    """And the line says how to install it."""
    monkeypatch.setattr(consumer, "find_spec", lambda name: None)
    assert "pip install 'anomaly-vae[kafka]'" in refused("kafka://broker/orders", "--group", "g", code=1)
