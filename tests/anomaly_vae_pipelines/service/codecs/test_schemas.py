"""The types of successful bodies: what is encoded is what is described."""

from __future__ import annotations

import json

import msgspec
import pytest

from anomaly_vae_pipelines.service.codecs import schemas
from anomaly_vae_pipelines.service.codecs.schemas import InferAnswer, OutputTensor, ScoredRow

TYPES = [
    kind for kind in vars(schemas).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
]


def test_fields_that_are_unset_are_left_out() -> None:
    row = ScoredRow(-1.5, 0.25, 6.0, True, -1.0)
    assert json.loads(msgspec.json.encode(row)) == {
        "score": -1.5, "p_value": 0.25, "severity": 6.0, "is_anomaly": True, "threshold": -1.0
    }  # fmt: skip
    answer = InferAnswer("a", "1", [OutputTensor("score", "FP64", [1], [0.5])])
    assert set(json.loads(msgspec.json.encode(answer))) == {"model_name", "model_version", "outputs"}


@pytest.mark.parametrize("kind", [kind for kind in TYPES if isinstance(kind, type)], ids=str)
def test_every_type_is_described(kind: type) -> None:
    (schema,), components = msgspec.json.schema_components([kind])
    assert components[kind.__name__]["description"]
    assert schema["$ref"].endswith(kind.__name__)
