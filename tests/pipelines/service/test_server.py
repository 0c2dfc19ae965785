"""The service as a process under load: limits, reloading, and the end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pandas as pd
import pytest

from anomaly_vae import TabularVAEDetector, save
from pipelines.service import protocol
from pipelines.service.keys import new_key
from tests.pipelines.conftest import Run
from tests.pipelines.service.live import Live, serving, serving_here

ROW = json.dumps({"rows": [{"x": 0.1, "y": 0.2, "z": 0.3}]}).encode()
MANY = json.dumps({"rows": [{"x": 0.1, "y": 0.2, "z": 0.3}] * 1000}).encode()
IN_FLIGHT = "anomaly_vae_requests_in_flight"
MIB = 1 << 20


@pytest.fixture(scope="module")
def models(numbers: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two models of the same table."""
    folder = tmp_path_factory.mktemp("models")
    for seed in (0, 1):
        detector = TabularVAEDetector(max_steps=20, hidden_sizes=[8], random_state=seed).fit(numbers)
        save(detector, folder / f"{seed}.avae")
    return [folder / "0.avae", folder / "1.avae"]


@pytest.fixture(scope="module")
def live(models: list[Path]) -> Iterator[Live]:
    """A service with small limits."""
    limits = {
        "ANOMALY_VAE_MAX_BODY_BYTES": str(MIB),
        "ANOMALY_VAE_REQUEST_TIMEOUT": "1.5",
        "ANOMALY_VAE_MAX_IN_FLIGHT": "50",
    }
    with serving([f"model={models[0]}"], **limits) as live:
        yield live


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


def until(condition: Callable[[], Any], seconds: float = 10.0) -> bool:
    """Whether a condition comes to hold."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def memory_of(live: Live) -> float:
    """Most memory that a service ever had, in MB."""
    return int(Path(f"/proc/{live.pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


@pytest.mark.parametrize("is_chunked", [False, True], ids=["by its length", "in chunks"])
def test_a_body_of_a_gigabyte_is_refused_and_not_kept(live: Live, is_chunked: bool) -> None:
    """The answer comes before the body is there, and memory does not grow by it."""
    before = memory_of(live) if os.name == "posix" else 0.0
    n_sent, piece = 0, bytes(64 * 1024)
    with socket.create_connection(address_of(live.url)) as connection:
        field = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {1 << 30}"
        connection.sendall(head(field))
        connection.settimeout(5)
        with contextlib.suppress(OSError):
            while n_sent < 1 << 30:
                connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" if is_chunked else piece)
                n_sent += len(piece)
        status, text = answer_of(connection)
    assert status in (0, 413), text  # 0: the system dropped the answer along with the connection
    assert n_sent < 64 * MIB
    assert until(lambda: live.log[-1].get("status") == 413)
    if before:
        assert memory_of(live) < before + 30


def test_a_refusal_of_a_large_body_can_be_read(live: Live) -> None:
    """By a client that waits for it, as curl does with Expect: 100-continue."""
    with socket.create_connection(address_of(live.url)) as connection:
        connection.sendall(head(f"Content-Length: {1 << 30}", "Expect: 100-continue"))
        status, text = answer_of(connection)
    assert status == 413
    assert b"1,048,576 bytes" in text


def test_a_client_that_sends_too_slowly_gets_408(live: Live) -> None:
    """And others do not wait for it."""
    with socket.create_connection(address_of(live.url)) as slow:
        slow.sendall(head("Content-Length: 1000") + b'{"rows"')
        with live.client() as client:
            assert client.post("/v1/score", content=ROW).status_code == 200
        status, text = answer_of(slow)
    assert status == 408
    assert b"had not arrived whole" in text


def test_a_client_that_leaves_leaves_nothing_behind(live: Live) -> None:
    """Before its body is there, and while it is being scored."""
    for sent in (head("Content-Length: 1000") + b"{", head(f"Content-Length: {len(MANY)}") + MANY):
        for _ in range(20):
            with socket.create_connection(address_of(live.url)) as connection:
                connection.sendall(sent)
    assert until(lambda: live.metric(IN_FLIGHT) == 1)  # the one that asks
    assert live.metric("anomaly_vae_rows_waiting") == 0
    with live.client() as client:
        assert client.post("/v1/score", content=ROW).status_code == 200


def test_the_log_tells_of_a_request_by_its_id(live: Live) -> None:
    """One JSON object a line, with what was asked, how long it took and what was found."""
    with live.client() as client:
        answer = client.post("/v1/score", content=MANY, headers={"x-request-id": "order-7"})
        client.post("/v1/score", content=b"{", headers={"x-request-id": "order-8"})
    assert answer.headers["x-request-id"] == "order-7"
    assert until(lambda: live.log[-1].get("request_id") == "order-8")
    (told,) = [line for line in live.log if line.get("request_id") == "order-7"]
    assert told["ms"] > 0
    assert {name: told[name] for name in ("method", "path", "status", "bytes", "model", "rows")} == {
        "method": "POST",
        "path": "/v1/score",
        "status": 200,
        "bytes": len(MANY),
        "model": "model",
        "rows": 1000,
    }
    assert live.log[-1]["status"] == 400
    assert not live.other


def test_a_crowd_is_answered_or_told_to_come_back(live: Live) -> None:
    """Every one of 200 at once, three times over; then the next is answered at once."""

    async def ask(client: httpx2.AsyncClient) -> list[tuple[int, str]]:
        answers = [await client.post("/v1/score", content=MANY) for _ in range(3)]
        return [(answer.status_code, answer.headers.get("retry-after", "")) for answer in answers]

    async def crowd() -> list[list[tuple[int, str]]]:
        limits = httpx2.Limits(max_connections=200)
        async with httpx2.AsyncClient(base_url=live.url, timeout=30, limits=limits) as client:
            return await asyncio.gather(*(ask(client) for _ in range(200)))

    answers = list(itertools.chain.from_iterable(asyncio.run(crowd())))
    assert len(answers) == 600
    assert {status for status, _ in answers} == {200, 503}
    assert all(after.isdecimal() == (status == 503) for status, after in answers)
    with live.client() as client:
        assert client.post("/v1/score", content=ROW).status_code == 200
    assert live.metric(IN_FLIGHT) == 1


def test_a_silent_connection_is_closed(models: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never says what it wants, or says it a letter at a time."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    with serving_here([str(models[0])]) as url, socket.create_connection(address_of(url)) as connection:
        with contextlib.suppress(OSError):
            for letter in head() * 10:
                connection.sendall(bytes([letter]))
                time.sleep(0.02)
        assert answer_of(connection) == (0, b"")


def test_the_second_head_of_a_connection_has_its_time_too(
    models: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    with serving_here([str(models[0])]) as url, socket.create_connection(address_of(url)) as connection:
        connection.sendall(head(f"Content-Length: {len(ROW)}") + ROW)
        time.sleep(0.3)
        connection.sendall(b"POST /v1")
        status, text = answer_of(connection)
    assert status == 200
    assert text.count(b"HTTP/1.1") == 1


def test_a_head_without_end_is_refused(live: Live) -> None:
    with socket.create_connection(address_of(live.url)) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(head("X: " + "x" * (1 << 22))[:-4])
        status, _ = answer_of(connection)
    assert status in (0, 400)  # 0: the system dropped the answer along with the connection
    with socket.create_connection(address_of(live.url)) as connection:
        connection.sendall(
            head("X: " + "x" * 60_000, f"Content-Length: {len(ROW)}", "Connection: close") + ROW
        )
        assert answer_of(connection)[0] == 200


def test_trailers_without_end_are_refused(live: Live) -> None:
    with socket.create_connection(address_of(live.url)) as connection:
        connection.sendall(head("Transfer-Encoding: chunked") + b"1\r\n{\r\n0\r\nX: ")
        with contextlib.suppress(OSError):
            for _ in range(64):
                connection.sendall(b"x" * (1 << 16))
        status, text = answer_of(connection)
    assert status in (0, 400), text
    with socket.create_connection(address_of(live.url)) as connection:
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in MANY[:20_000])
        connection.sendall(head("Transfer-Encoding: chunked", "Connection: close") + chunks + b"0\r\n\r\n")
        assert b"is not JSON" in answer_of(connection)[1]


@pytest.mark.parametrize("n_pieces", [1, 2, 7, 400])
def test_an_offer_to_upgrade_is_not_heard(live: Live, n_pieces: int) -> None:
    """As Java's client and ``curl --http2`` make it; a body is never taken for another request."""
    offer = ["Connection: close, Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ"]
    body = b"GET /v1/models HTTP/1.1\r\nHost: here\r\n\r\n" if n_pieces > 2 else ROW
    request = head(*offer, f"Content-Length: {len(body)}") + body
    size = -(-len(request) // n_pieces)
    with socket.create_connection(address_of(live.url)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            for begin in range(0, len(request), size):
                connection.sendall(request[begin : begin + size])
                time.sleep(0.2 / n_pieces)
        status, text = answer_of(connection)
    assert text.count(b"HTTP/1.1") <= 1
    assert status in ((200,) if n_pieces == 1 else (0, 200) if body is ROW else (0, 400))


def test_who_reads_no_answers_takes_no_place_and_is_dropped(
    models: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also without a key."""
    monkeypatch.setattr(protocol, "STALL_SECONDS", 1.0)
    key, line = new_key("score")
    with serving_here([str(models[0])], keys=line, max_in_flight=2) as url:
        deaf = [socket.create_connection(address_of(url)) for _ in range(3)]
        for connection in deaf:
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                for _ in range(20_000):
                    connection.send(head("Content-Length: 0"))
        for _ in range(5):
            headers = {"x-api-key": key}
            assert httpx2.post(f"{url}/v1/score", content=ROW, headers=headers, timeout=20).status_code == 200

        def is_dropped(connection: socket.socket) -> bool:
            try:
                return connection.send(b"x") == 0
            except BlockingIOError:
                return False
            except OSError:
                return True

        assert until(lambda: all(is_dropped(connection) for connection in deaf))
        for connection in deaf:
            connection.close()


class Load:
    """Clients that ask one after the other, each on a connection of its own, until they are stopped."""

    def __init__(self, url: str, *bodies: bytes) -> None:
        self.statuses: list[int] = []
        self.ids: list[str] = []
        self.lost: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(url, body)) for body in bodies]
        for thread in self._threads:
            thread.start()

    def _ask(self, url: str, body: bytes) -> None:
        with httpx2.Client(base_url=url, timeout=30) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post("/v1/score", content=body)
                except httpx2.ConnectError:  # nobody listens any more, and nothing was sent
                    return
                except httpx2.HTTPError as error:
                    self.lost.append(repr(error))
                    return
                self.statuses.append(answer.status_code)
                self.ids.append(answer.json()["model"]["id"] if answer.status_code == 200 else "")

    def stop(self) -> None:
        """Have them stop, and wait for it."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


def test_model_files_are_swapped_under_load(
    models: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A new one serves within moments; a damaged, half-written or deleted one takes nothing away."""
    path, place = tmp_path / "model.avae", tmp_path / "next"
    shutil.copy(models[0], path)

    def put(data: bytes) -> None:
        place.write_bytes(data)
        place.replace(path)

    def serves(model_id: str) -> bool:
        return until(lambda: load.ids[-1:] == [model_id])

    def n_refused() -> float:
        return float(told("anomaly_vae_model_reload_failures_total"))

    def told(name: str) -> str:
        page = httpx2.get(f"{url}/metrics").text
        return next((line.split()[-1] for line in page.splitlines() if line.startswith(f"{name}{{")), "0")

    with serving_here([str(path)], reload_interval=0.05) as url:
        load = Load(url, *[ROW] * 4)
        try:
            assert until(lambda: load.ids)
            first = load.ids[0]
            put(models[1].read_bytes())
            assert until(lambda: load.ids[-1] != first)
            second = load.ids[-1]
            good = models[0].read_bytes()
            damaged = bytearray(good)
            damaged[len(good) // 2] ^= 0xFF
            for number, data in enumerate((bytes(damaged), good[:-100], b"", b"no model"), 1):
                put(data)
                assert until(lambda number=number: n_refused() == number)
            path.unlink()
            assert until(lambda: "gone" in caplog.text)
            assert load.ids[-1] == second
            put(good)
            assert serves(first)
            with path.open("wb") as stream:  # written in place, slowly
                for piece in np.array_split(np.frombuffer(models[1].read_bytes(), np.uint8), 8):
                    stream.write(piece.tobytes())
                    stream.flush()
                    time.sleep(0.02)
            assert serves(second)
        finally:
            load.stop()
        assert set(load.statuses) == {200}
        assert not load.lost
        assert set(load.ids) == {first, second}
        assert n_refused() >= 4


def test_a_service_that_is_told_to_end_answers_what_it_was_asked(models: list[Path]) -> None:
    """SIGTERM under load: no answer is lost, and the exit code is 0."""
    with serving([str(models[0])]) as live:
        load = Load(live.url, *[ROW, MANY] * 4)
        assert until(lambda: len(load.statuses) > 40)
        code = live.end()
        load.stop()
    assert code == 0
    assert set(load.statuses) == {200}
    assert not load.lost


def test_versions_come_and_the_newest_is_served(models: list[Path], tmp_path: Path) -> None:
    """A file put into a directory of versions is served as soon as it is whole; the older ones stay."""
    shutil.copy(models[0], tmp_path / "1.avae")
    with (
        serving_here([f"model={tmp_path}"], reload_interval=0.05) as url,
        httpx2.Client(base_url=url) as client,
    ):

        def served() -> str:
            return client.post("/v1/score", content=ROW).json()["model"]["version"]

        assert served() == "1"
        shutil.copy(models[1], tmp_path / "next")
        (tmp_path / "next").rename(tmp_path / "2.avae")
        assert until(lambda: served() == "2")
        assert client.post("/v1/score?version=1", content=ROW).json()["model"]["version"] == "1"


def test_tls(models: list[Path], tmp_path: Path) -> None:
    """With a certificate, HTTPS is spoken and HTTP is not."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with serving_here([str(models[0])], ssl_certfile=certificate, ssl_keyfile=key) as url:
        assert url.startswith("https://")
        with httpx2.Client(verify=ssl.create_default_context(cafile=certificate)) as client:
            assert client.post(f"{url}/v1/score", content=ROW).status_code == 200
        with pytest.raises(httpx2.HTTPError):
            httpx2.get(url.replace("https", "http"))


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
def test_what_cannot_be_served_is_told_in_a_line(
    run: Run, model: str, train: str, arguments: list[str], said: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        names = {"model": model, "train": train, "taken": str(other.getsockname()[1])}
        ended = run("serve", *(argument.format(**names) for argument in arguments))
    assert ended.code in (1, 2)
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_a_new_key_opens_the_door_for_which_it_was_made(run: Run, models: list[Path], tmp_path: Path) -> None:
    """The line goes into a file, the key to whoever uses it."""
    words = run("serve", "--new-key", "score").out.split()
    key, line = words[1], f"{words[-2]} {words[-1]}"
    (tmp_path / "keys").write_text(f"# the shop\n{line}\n")
    with serving_here([str(models[0])], keys_file=tmp_path / "keys") as url:
        assert httpx2.post(f"{url}/v1/score", content=ROW).status_code == 401
        assert httpx2.post(f"{url}/v1/score", content=ROW, headers={"x-api-key": key}).status_code == 200
