"""The model repository: what is listed, and what can be loaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from anomaly_vae_pipelines.service.app import create_app
from anomaly_vae_pipelines.service.http.keys import new_key
from anomaly_vae_pipelines.service.models.files import ModelPath
from anomaly_vae_pipelines.service.models.registry import Registry
from anomaly_vae_pipelines.service.models.reloading import Reloader
from anomaly_vae_pipelines.service.settings import Settings

KEY, LINE = new_key("admin")


@pytest.fixture
def admin(models: list[Path], tmp_path: Path) -> Iterator[TestClient]:
    """A client of a service whose file ``m.avae`` is only loaded when asked for."""
    shutil.copy(models[0], tmp_path / "m.avae")
    settings = Settings(keys=LINE, reload_interval=0.0)
    registry = Registry(settings)
    reloader = Reloader(registry, [ModelPath("m", tmp_path / "m.avae")])
    reloader.load_all()
    app = create_app(registry, settings, reloader=reloader)
    with TestClient(app, headers={"x-api-key": KEY}) as client:
        yield client


def model_id(client: TestClient) -> str:
    return str(client.get("/v1/models/m").json()["id"])


def test_models_are_listed_with_their_versions(admin: TestClient) -> None:
    index = [{"name": "m", "version": "1", "state": "READY", "reason": ""}]
    assert admin.post("/v2/repository/index").json() == index


def test_a_file_is_loaded_when_an_admin_asks(admin: TestClient, models: list[Path], tmp_path: Path) -> None:
    before = model_id(admin)
    shutil.copy(models[1], tmp_path / "m.avae")
    assert model_id(admin) == before
    answer = admin.post("/v2/repository/models/m/load")
    assert (answer.status_code, answer.json()) == (200, {})
    assert model_id(admin) != before


def test_a_damaged_file_is_refused_and_the_old_model_is_still_served(
    admin: TestClient, tmp_path: Path
) -> None:
    before = model_id(admin)
    (tmp_path / "m.avae").write_bytes(b"no model")
    answer = admin.post("/v2/repository/models/m/load")
    assert answer.status_code == 400
    assert "m.avae" in answer.json()["error"]
    assert model_id(admin) == before


def test_an_unknown_model_cannot_be_loaded(admin: TestClient) -> None:
    assert admin.post("/v2/repository/models/n/load").status_code == 404


def test_a_model_without_a_file_cannot_be_loaded(number_model: object) -> None:
    with TestClient(create_app(number_model, Settings(keys=LINE))) as client:  # type: ignore[arg-type]
        answer = client.post("/v2/repository/models/model/load", headers={"x-api-key": KEY})
    assert answer.status_code == 400
    assert "not loaded from files" in answer.json()["error"]
