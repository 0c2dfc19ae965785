"""Served models by name and version."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly_vae import TabularVAEDetector
from anomaly_vae.errors import InputError, ModelFileError
from anomaly_vae_pipelines.service.errors import UnknownModelError
from anomaly_vae_pipelines.service.models import registry as module
from anomaly_vae_pipelines.service.models.registry import (
    Registry,
    ServedModel,
    load_served,
    serve_models,
    version_order,
)
from anomaly_vae_pipelines.service.settings import Settings


@pytest.fixture
def registry(number_model: TabularVAEDetector) -> Registry:
    registry = Registry(Settings())
    for name, version in (("a", "9"), ("a", "10"), ("b", "1")):
        registry.put(ServedModel(name, version, number_model))
    return registry


def test_the_newest_version_is_the_default(registry: Registry) -> None:
    assert registry.get("a")[0].version == "10"
    assert registry.get("a", "9")[0].version == "9"
    assert registry.versions("a") == ["9", "10"]


def test_versions_that_are_numbers_come_after_names_by_size() -> None:
    assert sorted(["10", "9", "beta", "alpha"], key=version_order) == ["alpha", "beta", "9", "10"]


def test_a_name_is_optional_only_if_there_is_one_model(
    registry: Registry, number_model: TabularVAEDetector
) -> None:
    with pytest.raises(InputError, match=r"several models are served \(a, b\)"):
        registry.get()
    assert serve_models(number_model, Settings()).get()[0].name == "model"


def test_unknown_names_and_versions_are_refused(registry: Registry) -> None:
    with pytest.raises(UnknownModelError, match="no model 'c'"):
        registry.get("c")
    with pytest.raises(UnknownModelError, match="no version of model 'a' '8'"):
        registry.get("a", "8")


def test_a_model_replaces_one_of_its_name_and_version(
    registry: Registry, number_model: TabularVAEDetector
) -> None:
    _, batcher = registry.get("b")
    new = registry.put(ServedModel("b", "1", number_model))
    assert registry.get("b")[0] is new
    assert registry.get("b")[1] is not batcher
    assert len(registry.all()) == 3


def test_a_loaded_model_has_the_digest_of_its_file(models: list[Path]) -> None:
    first, again, other = (load_served("m", "1", str(path)) for path in (models[0], models[0], models[1]))
    assert first.model_id == again.model_id != other.model_id
    assert len(first.model_id) == 16


def test_a_file_that_changes_while_it_is_loaded_is_refused(
    models: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, load = tmp_path / "m.avae", module.load_with_dialect
    path.write_bytes(models[0].read_bytes())

    def load_and_change(name: str, **options: bool) -> object:
        model = load(name, **options)
        path.write_bytes(models[1].read_bytes())
        return model

    monkeypatch.setattr(module, "load_with_dialect", load_and_change)
    with pytest.raises(ModelFileError, match="changed while it was read"):
        load_served("m", "1", str(path))


def test_example_rows_have_the_columns_of_the_model_and_can_be_scored(registry: Registry) -> None:
    served, _ = registry.get("b")
    assert [list(row) for row in served.example] == [["x", "y", "z"]] * 3
