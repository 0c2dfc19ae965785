"""A service on a free port: as a process, as operators run it, or on a thread, which starts at once."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2

from anomaly_vae_pipelines.service.models.files import model_paths
from anomaly_vae_pipelines.service.server import Server
from anomaly_vae_pipelines.service.settings import Settings
from tests.anomaly_vae_pipelines.conftest import command_line, process_environment

ROW = json.dumps({"rows": [{"x": 0.1, "y": 0.2, "z": 0.3}]}).encode()
MANY = json.dumps({"rows": [{"x": 0.1, "y": 0.2, "z": 0.3}] * 1000}).encode()


class Live:
    """A running service.

    Attributes
    ----------
    url : str
        Where it answers.
    log : list of dict
        What it has logged.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.log: list[dict[str, Any]] = []
        self.other: list[str] = []
        self._serving = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        if not self._serving.wait(60) or process.poll() is not None:
            raise RuntimeError(f"the service did not start: {self.other}")

    def _read(self) -> None:
        for line in self._process.stderr or ():
            found = re.match(r"serving on (\S+)", line)
            if found:
                self.url = found[1]
                self._serving.set()
            elif line.startswith("{"):
                self.log.append(json.loads(line))
            else:
                self.other.append(line)
        self._serving.set()

    @property
    def pid(self) -> int:
        """Number of its process."""
        return self._process.pid

    def end(self) -> int:
        """Tell it to end; its exit code once it has."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """The exit code once it has ended."""
        code = self._process.wait(30)
        self._reader.join(10)
        return code

    def client(self, **options: Any) -> httpx2.Client:
        """A client of it."""
        return httpx2.Client(base_url=self.url, timeout=30, **options)

    def metric(self, name: str) -> float:
        """The sum of the samples of a metric."""
        with self.client() as client:
            page = client.get("/metrics").text
        return sum(float(line.split()[-1]) for line in page.splitlines() if re.match(rf"{name}[ {{]", line))


@contextlib.contextmanager
def serving(models: Sequence[str], *options: str, **environment: str) -> Iterator[Live]:
    """A service of some models; settings are given as ANOMALY_VAE_… in the environment."""
    command = command_line("serve", *models, "--port", "0", *options)
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=process_environment(**environment)
    )
    live = None
    try:
        live = Live(process)
        yield live
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)
        if live is not None:
            live.wait()
        if process.stderr:
            process.stderr.close()


@contextlib.contextmanager
def serving_here(models: Sequence[str], **settings: Any) -> Iterator[str]:
    """The URL of a service of some models, on a thread."""
    urls: list[str] = []
    server = Server(model_paths(models, {}), Settings(port=0, **settings), urls.append)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not urls and thread.is_alive():
            thread.join(0.02)
        yield urls[0]
    finally:
        server.should_exit = True
        thread.join(30)


def until(condition: Callable[[], Any], seconds: float = 10.0) -> bool:
    """Whether a condition comes to hold."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def head(*fields: str, path: str = "/v1/score") -> bytes:
    """The head of a request."""
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: here", *fields, "", ""]).encode()


def address_of(url: str) -> tuple[str, int]:
    """Host and port of a URL."""
    host, _, port = url.rpartition("/")[2].rpartition(":")
    return host, int(port)


def answer_of(connection: socket.socket) -> tuple[int, bytes]:
    """Status and whole text of an answer after which the service hangs up."""
    connection.settimeout(10)
    text = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(1 << 16):
            text += piece
    return int(text.split(b" ", 2)[1]) if text else 0, text


def stored_verdicts(folder: Path) -> list[dict[str, Any]]:
    """The verdicts about orders that a service stored."""
    return [json.loads(line) for line in (folder / "orders.jsonl").read_text().splitlines()]
