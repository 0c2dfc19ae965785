"""The command ``serve``: what it starts, and what it refuses to start."""

from __future__ import annotations

import socket

import pytest

from tests.anomaly_vae_pipelines.conftest import Run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "model"),
        (["nowhere.avae"], "nowhere.avae"),
        (["{train}"], "not an anomaly-vae model file"),
        (["{model}", "--port", "70000"], "70000"),
        (["{model}", "--host", "nowhere.invalid"], "nowhere.invalid"),
        (["{model}", "--config", "nowhere.toml"], "nowhere.toml"),
        (["{model}", "--keys-file", "nowhere.keys"], "nowhere.keys"),
        (["{model}", "--ssl-certfile", "nowhere.pem"], "nowhere.pem"),
        (["{model}", "--ssl-certfile", "{train}"], "cannot be used"),
        (["{model}", "--ssl-keyfile", "{train}"], "give --ssl-certfile too"),
        (["{model}", "{model}"], "model"),
        (["{model}", "--port", "{taken}"], "cannot be listened on"),
    ],
)
def test_a_service_that_cannot_start_says_why_in_one_line(
    run: Run, model: str, train: str, arguments: list[str], said: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        names = {"model": model, "train": train, "taken": str(other.getsockname()[1])}
        ended = run("serve", *(argument.format(**names) for argument in arguments))
    assert ended.code in (1, 2)
    assert said in ended.err
    assert "Traceback" not in ended.err
