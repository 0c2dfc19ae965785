"""Request bodies in the OpenAPI description, generated from the models that are served."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from anomaly_vae_pipelines.images.decoding import SUFFIXES
from anomaly_vae_pipelines.records import VERDICT, VERDICT_ID
from anomaly_vae_pipelines.service.codecs.tensors import DATATYPES, input_tensors
from anomaly_vae_pipelines.service.codecs.verdicts import MOST_ID
from anomaly_vae_pipelines.service.models.inputs import ModelInputs
from anomaly_vae_pipelines.service.models.registry import ServedModel

_CELLS: dict[str, list[str]] = {
    "numeric": ["number", "null"],
    "boolean": ["boolean", "null"],
    "datetime": ["string", "null"],
}
_LONG = {".jpg": "jpeg", ".tif": "tiff"}
_IMAGE_TYPES = sorted({f"image/{_LONG.get(suffix, suffix[1:])}" for suffix in SUFFIXES})
_BINARY = {"type": "string", "format": "binary"}
_ANY_CELL = ["string", "number", "boolean", "null"]
_INPUT = {
    "type": "object",
    "required": ["name", "shape", "datatype", "data"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}},
        "datatype": {"type": "string", "enum": list(DATATYPES)},
        "data": {"type": "array"},
    },
}


def row_schema(inputs: ModelInputs) -> dict[str, Any]:
    """JSON Schema of one row of a table."""
    return {
        "type": "object",
        "required": list(inputs.required),
        "properties": {name: {"type": _CELLS.get(kind, _ANY_CELL)} for name, kind in inputs.kinds.items()},
    }


def score_body(served: Sequence[ServedModel]) -> dict[str, Any]:
    """The body of ``/v1/score``: rows for models of tables, files for models of images."""
    tables = [model for model in served if model.inputs.frame is None]
    content: dict[str, Any] = {}
    chosen = first_with_example(served)
    if tables:
        rows = [row_schema(model.inputs) for model in tables]
        item = rows[0] if len(rows) == 1 else {"anyOf": rows}
        content["application/json"] = {"schema": _object_of("rows", item)}
        content["text/csv"] = {"schema": {"type": "string"}}
        content["application/vnd.apache.arrow.stream"] = {"schema": _BINARY}
        if chosen:
            content["application/json"]["example"] = {"rows": chosen.example}
            content["text/csv"]["example"] = _as_csv(chosen.inputs, chosen.example)
    if len(tables) < len(served):
        content["multipart/form-data"] = {"schema": _object_of("file", _BINARY)}
        content |= {kind: {"schema": _BINARY} for kind in _IMAGE_TYPES}
    return {"required": True, "content": content}


def verdict_body(served: Sequence[ServedModel]) -> dict[str, Any]:
    """The body of ``/v1/verdicts``: rows of a table, each with a verdict."""
    tables = [model for model in served if model.inputs.frame is None]
    rows = [_judged_row(row_schema(model.inputs)) for model in tables]
    item = rows[0] if len(rows) == 1 else {"anyOf": rows or [{"type": "object"}]}
    content: dict[str, Any] = {
        "application/json": {"schema": _object_of("rows", item)},
        "text/csv": {"schema": {"type": "string"}},
    }
    chosen = first_with_example(served)
    if chosen:
        judged = {**chosen.example[0], VERDICT: "normal", VERDICT_ID: "row 17"}
        content["application/json"]["example"] = {"rows": [judged]}
    return {"required": True, "content": content}


def _judged_row(schema: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema of a row with a verdict."""
    said = {
        VERDICT: {"enum": ["normal", "anomalous", 1, -1, None], "description": "Null withdraws a verdict."},
        VERDICT_ID: {"type": "string", "maxLength": MOST_ID, "description": "Its last verdict counts."},
    }
    return {
        **schema,
        "required": [*schema["required"], VERDICT],
        "properties": {**schema["properties"], **said},
    }


def infer_body(served: Sequence[ServedModel]) -> dict[str, Any]:
    """The body of ``/v2/.../infer``."""
    schema = _object_of("inputs", _INPUT)
    schema["properties"] |= {"id": {"type": "string"}, "outputs": {"type": "array"}}
    content: dict[str, Any] = {"schema": schema}
    chosen = first_with_example(served)
    if chosen:
        content["example"] = _infer_example(chosen)
    return {"required": True, "content": {"application/json": content}}


def first_with_example(served: Sequence[ServedModel]) -> ServedModel | None:
    """The first model that has example rows."""
    return next((model for model in served if model.example), None)


def _object_of(name: str, item: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object with one list, which is not empty."""
    items = {"type": "array", "minItems": 1, "items": item}
    return {"type": "object", "required": [name], "properties": {name: items}}


def _infer_example(served: ServedModel) -> dict[str, Any]:
    rows, inputs = served.example, []
    for tensor in input_tensors(served.inputs):
        cells, datatype = [row[tensor.name] for row in rows], tensor.datatype
        if datatype == "BYTES":
            cells = [cell if cell is None else str(cell) for cell in cells]
        elif datatype == "BOOL" and None in cells:
            datatype = "BYTES"
            cells = [cell if cell is None else str(cell).lower() for cell in cells]
        inputs.append({"name": tensor.name, "datatype": datatype, "shape": [len(rows)], "data": cells})
    return {"inputs": inputs}


def _as_csv(inputs: ModelInputs, rows: Sequence[dict[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, inputs.names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
