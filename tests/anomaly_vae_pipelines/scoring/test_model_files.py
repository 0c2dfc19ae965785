"""Opening model files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from anomaly_vae import ImageScorer, TableScorer
from anomaly_vae.errors import ModelFileError
from anomaly_vae_pipelines.scoring.adapters import ImageAdapter, TableAdapter
from anomaly_vae_pipelines.scoring.model_files import open_model


def test_the_adapter_is_that_of_the_kind_of_model(model, image_model):
    """Tables and images are read by different adapters."""
    opened = open_model(model)
    assert isinstance(opened.adapter, TableAdapter)
    assert isinstance(opened.detector, TableScorer)
    images = open_model(image_model)
    assert isinstance(images.adapter, ImageAdapter)
    assert isinstance(images.detector, ImageScorer)


def test_the_id_identifies_the_bytes_of_the_file(model):
    """It is the start of their SHA-256."""
    opened = open_model(model)
    digest = hashlib.sha256(Path(model).read_bytes()).hexdigest()
    assert opened.model_id
    assert digest.startswith(opened.model_id)
    assert opened.path == model


def test_a_file_that_cannot_be_loaded_is_an_error(tmp_path, unseen):
    """A table is not a model, and neither is a missing file."""
    for path in (unseen, str(tmp_path / "missing.avae")):
        with pytest.raises(ModelFileError, match=path):
            open_model(path)
