"""The inputs of a model: its columns, or the size of its images."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from anomaly_vae import TabularVAEDetector, load
from anomaly_vae_pipelines.errors import SourceError, UnknownNameError
from anomaly_vae_pipelines.scoring.adapters import AnyModel, adapter_of
from anomaly_vae_pipelines.service.models.inputs import ModelInputs, inputs_of


def inputs(model: AnyModel) -> ModelInputs:
    return inputs_of(adapter_of(model).scorer(explain="none"))


def test_a_table_has_columns_with_kinds(model: str) -> None:
    table = inputs(load(model))
    assert {name: table.kinds[name] for name in ("amount", "color", "open", "day")} == {
        "amount": "numeric",
        "color": "categorical",
        "open": "boolean",
        "day": "datetime",
    }
    assert not table.is_numbers
    assert all(table.kinds[name] != "identifier" for name in table.required)
    with pytest.raises(SourceError, match="fitted on a table"):
        table.wants_images()


def test_a_model_of_numbers_says_so(number_model: TabularVAEDetector) -> None:
    table = inputs(number_model)
    assert table.is_numbers
    assert table.joins
    assert table.names == table.required == ("x", "y", "z")
    with pytest.raises(UnknownNameError, match="there is no column 'z'.*did you mean 'Z'"):
        table.require(["x", "y", "Z"])


def test_columns_that_name_rows_are_optional(number_model: TabularVAEDetector) -> None:
    """Those that the model reads as well stay what they are."""
    table = inputs(number_model).named_by(["code", "y"])
    assert table.required == ("x", "y", "z")
    assert (table.kinds["code"], table.kinds["y"]) == ("identifier", "numeric")
    assert table.ids_of({"code": "A7", "x": 0.1, "y": 0.2}) == {"y": 0.2, "code": "A7"}
    assert table.ids_of({"code": None, "y": 0.2}) == {"y": 0.2}


def test_a_pipeline_has_columns_of_unknown_kinds_and_is_scored_alone(numbers: pd.DataFrame) -> None:
    """Its steps may look at all rows that they are given."""
    detector = TabularVAEDetector(max_steps=5, validation_fraction=0.5, random_state=0)
    table = inputs(make_pipeline(StandardScaler(), detector).fit(numbers.fillna(0.0)))
    assert set(table.kinds.values()) == {"unknown"}
    assert not table.joins


def test_images_have_a_size_and_channels(image_model: str) -> None:
    images = inputs(load(image_model))
    assert images.kinds == {}
    assert images.wants_images().size == (24, 32)
    with pytest.raises(SourceError, match="fitted on images"):
        images.wants_table()
