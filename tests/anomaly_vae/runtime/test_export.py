"""The exported model: its inputs, outputs, metadata, and what cannot be exported."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest

from anomaly_vae import InputError, TabularVAEDetector, __version__
from anomaly_vae.runtime.export import OUTPUTS
from anomaly_vae.runtime.export_check import inputs_of
from tests.anomaly_vae.runtime.tables import SMALL, case

pytestmark = pytest.mark.filterwarnings("ignore:column 'key' looks like an identifier")


@cache
def mixed() -> TabularVAEDetector:
    return case("mixed").fit().set_threshold(false_alarm_rate=0.1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def session_of(detector: TabularVAEDetector, path: Path) -> Any:
    """The exported model, loaded from its file."""
    detector.to_onnx(path)
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_there_is_one_input_per_column_that_is_read(path: Path) -> None:
    """An identifier has none; a column that is left out but has a missing flag has one."""
    inputs = {each.name: each for each in session_of(mixed(), path).get_inputs()}
    names = [*case("mixed").table.columns]
    assert list(inputs) == ["score_in" if name == "score" else name for name in names if name != "key"]
    texts = {name for name, each in inputs.items() if each.type == "tensor(string)"}
    assert texts == {"colour", "valid", "always", "empty", "/add_1_0", "état 🙂", "maybe"}
    assert {str(each.shape) for each in inputs.values()} == {"['n_rows', 1]"}


def test_outputs_have_one_entry_per_row(path: Path) -> None:
    outputs = session_of(mixed(), path).get_outputs()
    assert [each.name for each in outputs] == list(OUTPUTS)
    n_contributions = mixed().n_features_in_ + 1
    assert [each.shape for each in outputs] == [["n_rows"]] * 4 + [["n_rows", n_contributions]]
    assert [each.type for each in outputs[3:]] == ["tensor(bool)", "tensor(double)"]


def test_metadata_say_what_is_needed_to_use_the_model(path: Path) -> None:
    """Each value is JSON; the file states its producer and the versions of its operators."""
    metadata = session_of(mixed(), path).get_modelmeta().custom_metadata_map
    values = {name: json.loads(text) for name, text in metadata.items()}
    assert values["format"] == 1
    assert values["anomaly_vae_version"] == __version__
    assert (values["threshold"], values["false_alarm_rate"]) == (mixed().offset_, 0.1)
    assert values["contributions"] == [*mixed().schema_.names, "latent"]
    assert values["typical_contributions"] == mixed().typical_contributions_.tolist()
    kinds = {column["name"]: column["kind"] for column in values["columns"]}
    assert kinds == {column.name: column.kind for column in mixed().schema_.columns}
    by_name = {column["name"]: column for column in values["columns"]}
    assert by_name["key"] == {"name": "key", "kind": "identifier", "input": None, "type": None}
    assert (by_name["when"]["type"], by_name["colour"]["type"]) == ("double", "string")
    model = onnx.load(path)
    assert (model.producer_name, model.producer_version) == ("anomaly-vae", __version__)
    assert {each.domain: each.version for each in model.opset_import} == {"": 17, "ai.onnx.ml": 3}
    assert "NaN is missing" in model.doc_string


@cache
def learned() -> TabularVAEDetector:
    """``mixed`` with verdicts about rows with missing cells and unknown categories."""
    rows = case("mixed").rows
    return mixed().learn(rows[10:130:10], [1, -1, -1, 1, -1, 1, 1, -1, 1, -1, 1, 1])


def outputs_of(detector: TabularVAEDetector, path: Path) -> dict[str, Any]:
    """What the exported model gives for the rows of the case ``mixed``."""
    inputs = inputs_of(case("mixed").rows, detector.model_.encoder)
    return dict(zip(OUTPUTS, session_of(detector, path).run(list(OUTPUTS), inputs), strict=True))


@pytest.mark.parametrize("last", [None, 5])
def test_what_was_learned_from_verdicts_is_exported(last: int | None, path: Path) -> None:
    """Scores, decisions and contributions are those of the detector, also after it forgot verdicts."""
    detector = learned() if last is None else learned().forget(last=last)
    rows, outputs = case("mixed").rows, outputs_of(detector, path)
    scores, near = detector.score_samples(rows), {"rtol": 1e-5, "atol": 1e-4}
    moved = np.abs(scores - mixed().score_samples(rows))
    assert np.mean(moved > 1.0) > 0.5
    np.testing.assert_allclose(outputs["score"], scores, **near)
    contributions = detector.score_contributions(rows).to_numpy()
    largest = np.abs(contributions).max(axis=1, keepdims=True)
    assert (np.abs(outputs["contributions"] - contributions) <= 1e-4 + 1e-5 * largest).all()
    np.testing.assert_allclose(outputs["contributions"].sum(axis=1), outputs["score"], rtol=1e-9)
    np.testing.assert_allclose(outputs["severity"], detector.severity(rows), atol=1e-2)
    one_row = 1.5 / len(detector.calibration_scores_)
    np.testing.assert_allclose(outputs["p_value"], detector.p_values(rows), atol=one_row)
    np.testing.assert_array_equal(outputs["is_anomaly"], outputs["score"] < detector.offset_)


def test_a_detector_that_learned_names_the_contribution_of_like_rows(path: Path) -> None:
    """It is the last one, and nothing of it is typical."""
    session = session_of(learned(), path)
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["contributions"]) == [*mixed().schema_.names, "latent", "verdicts"]
    assert json.loads(metadata["typical_contributions"])[-1] == 0.0
    assert session.get_outputs()[-1].shape == ["n_rows", mixed().n_features_in_ + 2]


def test_a_detector_that_forgot_all_verdicts_is_exported_as_before(path: Path) -> None:
    """To the bit."""
    mixed().to_onnx(path)
    before = path.read_bytes()
    learned().forget(last=12).to_onnx(path)
    assert path.read_bytes() == before


def test_each_node_has_a_name_of_its_own(path: Path) -> None:
    """Without names, ONNX Runtime 1.20 rejects a model in which it fuses nodes."""
    mixed().to_onnx(path)
    names = [node.name for node in onnx.load(path).graph.node]
    assert "" not in names
    assert len(set(names)) == len(names)


def test_a_model_of_numbers_needs_only_the_standard_operators(path: Path) -> None:
    case("contaminated").fit().to_onnx(path)
    table = case("contaminated").table.dropna()
    TabularVAEDetector(**SMALL).fit(table).to_onnx(path)
    assert [each.domain for each in onnx.load(path).opset_import] == [""]


def test_the_number_of_rows_is_free(path: Path) -> None:
    """A row has the same score alone and with others, up to rounding."""
    detector = TabularVAEDetector(**SMALL).fit(case("numbers").table)
    session, rows = session_of(detector, path), case("numbers").table[:50]
    inputs = {name: rows[[name]].to_numpy() for name in rows}
    together = session.run(["score"], inputs)[0]
    alone = [
        session.run(["score"], {name: cells[[k]] for name, cells in inputs.items()})[0] for k in range(50)
    ]
    np.testing.assert_allclose(np.concatenate(alone), together, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("texts", [["", "a", "b"], [""] * 3])
def test_empty_texts_cannot_be_exported(texts: list[str], path: Path) -> None:
    """An exported model could not tell them from missing cells."""
    table = pd.DataFrame({"x": np.arange(12) % 5, "word": texts * 4})
    detector = TabularVAEDetector(**SMALL).fit(table)
    with pytest.raises(InputError, match="column 'word' has empty texts.*fit again"):
        detector.to_onnx(path)
    assert not path.exists()


def test_a_text_that_is_not_unicode_cannot_be_exported(path: Path) -> None:
    words = pd.Series(["\ud800", "b"] * 6, dtype=object)
    detector = TabularVAEDetector(**SMALL).fit(pd.DataFrame({"x": range(12), "word": words}))
    with pytest.raises(InputError, match="column 'word' has a name or a text that is not valid Unicode"):
        detector.to_onnx(path)


def test_a_file_is_replaced_unless_that_is_forbidden(path: Path) -> None:
    path.write_text("old")
    with pytest.raises(InputError, match="exists already"):
        mixed().to_onnx(path, overwrite=False)
    assert path.read_text() == "old"
    mixed().to_onnx(path)
    assert onnx.load(path).producer_name == "anomaly-vae"
