"""Which paths need a key, and of which role."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from anomaly_vae import TabularVAEDetector
from anomaly_vae_pipelines.service.app import create_app
from anomaly_vae_pipelines.service.errors import ForbiddenError, UnauthorizedError
from anomaly_vae_pipelines.service.http.keys import Keys, new_key, read_keys
from anomaly_vae_pipelines.service.http.middleware.authorization import authorization
from anomaly_vae_pipelines.service.settings import Settings
from tests.anomaly_vae_pipelines.service.http.middleware.asgi import ask, echo

LOAD = "/v2/repository/models/model/load"


def test_without_keys_anyone_may_score_and_nobody_may_load() -> None:
    app = authorization(echo, Keys())
    assert ask(app).status == 200
    with pytest.raises(ForbiddenError, match="without keys"):
        ask(app, path=LOAD)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_key_is_read_from_either_header(scheme: str) -> None:
    key, line = new_key("score")
    app = authorization(echo, read_keys(Settings(keys=line)))
    for headers in ({"authorization": f"{scheme} {key}"}, {"x-api-key": key}):
        assert ask(app, headers=headers).status == 200
    for headers in ({}, {"authorization": f"Basic {key}"}, {"authorization": key}, {"x-api-key": key[1:]}):
        with pytest.raises(UnauthorizedError):
            ask(app, headers=headers)
    with pytest.raises(ForbiddenError, match="for scoring"):
        ask(app, path=LOAD, headers={"x-api-key": key})
    assert ask(app, path="/docs").status == 200


def test_keys_part_those_who_score_from_those_who_steer(number_model: TabularVAEDetector) -> None:
    """Without a key 401, with the wrong one 403, and health needs none."""
    (score_key, score_line), (admin_key, admin_line) = new_key("score"), new_key("admin")
    settings = Settings(keys=f"{score_line},{admin_line}")
    row = {"rows": [{"x": 0, "y": 0, "z": 0}]}
    with TestClient(create_app(number_model, settings)) as client:
        assert client.get("/v2/health/ready").status_code == 200
        assert client.post("/v1/score", json=row).status_code == 401
        assert client.get("/metrics").status_code == 401
        for header in ({"authorization": f"Bearer {score_key}"}, {"x-api-key": admin_key}):
            assert client.post("/v1/score", json=row, headers=header).status_code == 200
        wrong = {"x-api-key": score_key[:-1]}
        assert client.post("/v1/score", json=row, headers=wrong).status_code == 401
        load = "/v2/repository/models/model/load"
        assert client.post(load, headers={"x-api-key": score_key}).status_code == 403
        assert client.post(load, headers={"x-api-key": admin_key}).status_code == 400  # from no file
