"""Writing: the entries of a file, and the message for a step that cannot be saved."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from anomaly_vae.model_file.reading import FORMAT
from anomaly_vae.model_file.writing import culprit, describe, dump, without_caches
from tests.anomaly_vae import forging


def test_entries_are_arrays_and_one_json_text_without_spaces() -> None:
    """Indented as skops writes it, the text would be several times as long."""
    entries = dump(forging.scaled())
    text = entries.pop("schema.json").decode()
    assert text == json.dumps(json.loads(text), separators=(",", ":"))
    assert entries
    assert all(name.endswith(".npy") for name in entries)


def test_caches_of_a_transform_are_not_written_and_stay_in_the_model() -> None:
    """A copy goes into the file; a step without inner steps is not copied."""
    rows = pd.DataFrame(forging.numbers(), columns=["a", "b", "c"])
    columns = ColumnTransformer([("s", StandardScaler(), ["a"])]).set_output(transform="pandas").fit(rows)
    expected = columns.transform(rows)
    cached = vars(columns).keys() - vars(without_caches(columns)).keys()
    assert cached <= {"_transformers_feature_names_out"}
    np.testing.assert_array_equal(without_caches(columns).transform(rows), expected)
    assert columns.transform(rows).equals(expected)
    scaler = StandardScaler()
    assert without_caches(scaler) is scaler


def test_a_loaded_pipeline_is_written_as_one_of_scikit_learn() -> None:
    """So that a saved file does not depend on whether its model was loaded."""
    again = forging.rebuilt(make_pipeline(StandardScaler()).fit(forging.numbers()))
    assert type(without_caches(again)) is Pipeline


def test_the_step_that_cannot_be_saved_is_named() -> None:
    """The first one, with its class, its reason and what to do."""
    steps = [("good", StandardScaler()), ("bad", FunctionTransformer(lambda X: X)), *forging.scaled().steps]
    message = culprit(Pipeline(steps), ValueError("of the whole"))
    assert message.startswith("step 'bad' (FunctionTransformer) cannot be saved (")
    assert "use scikit-learn's own transformers" in message
    assert culprit(forging.scaled(), ValueError("why")).startswith("the model cannot be saved (why); ")


def test_metadata_are_those_of_the_detector_with_format_time_and_versions() -> None:
    """The time is now, in UTC."""
    detector = forging.scaled().steps[-1][1]
    described = describe(forging.scaled(), detector)
    assert described.items() >= detector.metadata().items()
    assert described["format"] == FORMAT
    assert described["steps"][-1] == ["tabularvaedetector", "TabularVAEDetector"]
    assert described["versions"]["numpy"] == np.__version__
    age = datetime.now(UTC) - datetime.fromisoformat(described["created"])
    assert timedelta() <= age < timedelta(minutes=1)
