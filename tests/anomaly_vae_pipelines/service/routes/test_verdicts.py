"""Verdicts over HTTP: who may give them, where they are, and that they outlive the service."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from anomaly_vae import load
from anomaly_vae_pipelines.runs.learn import learn_file
from anomaly_vae_pipelines.service.app import create_app
from anomaly_vae_pipelines.service.http.keys import new_key
from anomaly_vae_pipelines.service.settings import Settings
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, read_rows
from tests.anomaly_vae_pipelines.service.live import serving, until

PATH = "/v1/verdicts"
ROW = {"x": 1.0, "y": 2.0, "z": None}


def rows(path: str, n_rows: int) -> list[dict[str, str]]:
    """The first rows of a file with verdicts by their label."""
    kinds = {"good": "normal", "bad": "anomalous"}
    return [{**row, "verdict": kinds[row["label"]]} for row in read_rows(path)[:n_rows]]


def test_a_model_learns_from_what_the_service_stored(model, unseen, tmp_path):
    """As from a file of the same rows; the last verdict of an id counts, and one withdrawn does not."""
    settings = Settings(verdicts_folder=tmp_path)
    judged = rows(unseen, 12)
    with TestClient(create_app({"orders": load(model)}, settings)) as client:
        assert client.get("/v1/models").json()["models"][0]["takes_verdicts"]
        assert client.post(PATH, json={"rows": judged}).json() == {"stored": 12, "known": 0}
        assert client.post(PATH, json={"rows": judged}).json() == {"stored": 0, "known": 12}
        changed = [{**judged[0], "verdict": "anomalous"}, {**judged[1], "verdict": None}]
        assert client.post(PATH, json={"rows": changed}).json() == {"stored": 2, "known": 0}
    learned = learn_file(model, str(tmp_path / "orders.jsonl"), str(tmp_path / "learned.avae"))
    assert learned.n_verdicts == 11
    lines = [",".join([*COLUMNS, "verdict"])]
    lines += [",".join([*row, said]) for row, said in zip(orders(12, 1), said_last(judged), strict=True)]
    (tmp_path / "same.csv").write_text("\n".join(lines) + "\n")
    same = learn_file(model, str(tmp_path / "same.csv"), str(tmp_path / "same.avae"))
    assert learned.offset == pytest.approx(same.offset)  # the order of the verdicts differs
    assert (learned.anomalous, learned.normal) == (same.anomalous, same.normal)


def said_last(judged: list[dict[str, str]]) -> list[str]:
    return ["anomalous", "", *(row["verdict"] for row in judged[2:])]


def test_verdicts_need_a_key_of_their_own(number_model, tmp_path):
    """A key for scoring may not give verdicts; one for verdicts may score, and may not load."""
    (score, a), (verdict, b), (admin, c) = new_key("score"), new_key("verdict"), new_key("admin")
    settings = Settings(verdicts_folder=tmp_path, keys=f"{a},{b},{c}")
    body = {"rows": [{**ROW, "verdict": "normal"}]}
    with TestClient(create_app(number_model, settings)) as client:
        found = {
            key: [
                client.post(path, json=content, headers={"x-api-key": key}).status_code
                for path, content in ((PATH, body), ("/v1/score", {"rows": [ROW]}))
            ]
            for key in ("", score, verdict, admin)
        }
        assert list(found.values()) == [[401, 401], [403, 200], [200, 200], [200, 200]]
        refused = client.post(PATH, json=body, headers={"x-api-key": score}).json()["error"]
        assert refused == "giving verdicts needs a verdict key, and this key is for scoring"
        load = client.post("/v2/repository/models/model/load", headers={"x-api-key": verdict})
        assert load.status_code == 403


def test_without_a_folder_there_is_no_such_path(client):
    """And no model says that it takes verdicts."""
    assert client.post(PATH, json={"rows": [ROW]}).status_code == 404
    assert not any(one["takes_verdicts"] for one in client.get("/v1/models").json()["models"])


def test_a_refused_row_stores_nothing(number_model, tmp_path):
    """The answer names the row."""
    with TestClient(create_app(number_model, Settings(verdicts_folder=tmp_path))) as client:
        wrong = [{**ROW, "verdict": "normal"}, {**ROW, "verdict": "odd"}]
        answer = client.post(PATH, json={"rows": wrong})
        assert (answer.status_code, answer.json()["rows"][0]["row"]) == (400, 1)
        assert client.post(PATH, json={"rows": [{**ROW, "verdict": 1}]}).json() == {"stored": 1, "known": 0}
    assert len((tmp_path / "model.jsonl").read_text().splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_service_loses_no_acknowledged_verdict(models, tmp_path):
    """Clients send until the process is killed; every id that was acknowledged is in the file."""
    acknowledged: list[str] = []

    def send(url: str, number: int) -> None:
        with httpx2.Client(base_url=url, timeout=10) as client:
            for count in range(100_000):
                row = {**ROW, "verdict": "normal", "verdict_id": f"{number}/{count}"}
                try:
                    if client.post(PATH, json={"rows": [row]}).status_code != 200:
                        return
                except httpx2.HTTPError:
                    return
                acknowledged.append(row["verdict_id"])

    with serving([f"m={models[0]}"], "--verdicts-folder", str(tmp_path)) as live:
        clients = [threading.Thread(target=send, args=(live.url, number)) for number in range(3)]
        for client in clients:
            client.start()
        assert until(lambda: len(acknowledged) > 40, 30)
        os.kill(live.pid, signal.SIGKILL)
        for client in clients:
            client.join(30)
    lines = Path(tmp_path / "m.jsonl").read_bytes().split(b"\n")[:-1]
    assert set(acknowledged) <= {json.loads(line)["verdict_id"] for line in lines}
