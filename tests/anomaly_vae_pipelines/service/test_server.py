"""The life of a service: what it serves, swaps and refuses, and how it ends."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
import time
from pathlib import Path

import httpx2
import numpy as np
import pytest

from anomaly_vae.model_file import child
from tests.anomaly_vae_pipelines.conftest import Run
from tests.anomaly_vae_pipelines.service.live import MANY, ROW, serving, serving_here, until


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

    with serving_here([str(path)], reload_interval=0.05, isolate="never") as url:
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


@pytest.mark.slow
def test_a_changed_file_is_loaded_by_a_child_process_first(
    models: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that crashes the process that loads it costs the child; the next good one is served."""
    path = tmp_path / "model.avae"
    shutil.copy(models[0], path)
    (tmp_path / "crashing_child.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.syspath_prepend(str(tmp_path))

    def refused() -> bool:
        page = httpx2.get(f"{url}/metrics").text
        return 'model_reload_failures_total{model="model",version="1"} 1.0' in page

    def served() -> str:
        answer = httpx2.post(f"{url}/v1/score", content=ROW).json()
        return str(answer["model"]["id"])

    with serving_here([str(path)], reload_interval=0.05) as url:
        first = served()
        with monkeypatch.context() as patched:
            patched.setattr(child, "_PROGRAM", "crashing_child")
            shutil.copy(models[1], path)
            assert until(refused, 60)
        assert served() == first
        path.touch()
        assert until(lambda: served() != first, 60)


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
        serving_here([f"model={tmp_path}"], reload_interval=0.05, isolate="never") as url,
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


def test_a_new_key_is_accepted_once_its_line_is_in_the_file(
    run: Run, models: list[Path], tmp_path: Path
) -> None:
    """The line goes into the file, the key to a client."""
    words = run("serve", "--new-key", "score").out.split()
    key, line = words[1], f"{words[-2]} {words[-1]}"
    (tmp_path / "keys").write_text(f"# the shop\n{line}\n")
    with serving_here([str(models[0])], keys_file=tmp_path / "keys") as url:
        assert httpx2.post(f"{url}/v1/score", content=ROW).status_code == 401
        assert httpx2.post(f"{url}/v1/score", content=ROW, headers={"x-api-key": key}).status_code == 200
