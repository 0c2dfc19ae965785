"""Description: the OpenAPI description of a service, with bodies that fit the models it serves."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from anomaly_vae_pipelines.images.decoding import SUFFIXES
from anomaly_vae_pipelines.service.codecs.tensors import DATATYPES, input_tensors
from anomaly_vae_pipelines.service.models.inputs import Form
from anomaly_vae_pipelines.service.models.registry import Registry, ServedModel

_CELLS: dict[str, list[str]] = {
    "numeric": ["number", "null"],
    "boolean": ["boolean", "null"],
    "datetime": ["string", "null"],
}
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
QUERY: list[dict[str, Any]] = [
    {
        "name": "model",
        "in": "query",
        "description": "Name of the model; may be left out where there is one alone.",
        "schema": {"type": "string"},
    },
    {
        "name": "version",
        "in": "query",
        "description": "Version of the model; the newest by default.",
        "schema": {"type": "string"},
    },
    {
        "name": "explain",
        "in": "query",
        "description": "Whether to say which columns, or places, cost each row most.",
        "schema": {"type": "boolean", "default": False},
    },
]
"""Parameters of ``/v1/score``."""


def path_parameter(name: str) -> dict[str, Any]:
    """A parameter in a path, for a route that takes it from the request."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def describe_with(app: FastAPI, models: Registry) -> None:
    """Have an application describe the bodies that the models of a registry take, whenever it is asked."""

    def openapi() -> dict[str, Any]:
        made = get_openapi(
            title="anomaly-vae",
            version=app.version,
            summary="Scores of rows and images, with reasons",
            routes=app.routes,
        )
        schema = deepcopy(made)  # it shares parts with the routes
        served = models.all()
        for path, methods in schema["paths"].items():
            if path == "/v1/score":
                methods["post"]["requestBody"] = _score_body(served)
            elif path.endswith("/infer"):
                methods["post"]["requestBody"] = _infer_body(served)
        _fill_paths(schema, served)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def row_schema(form: Form) -> dict[str, Any]:
    """JSON Schema of one row of a table."""
    return {
        "type": "object",
        "required": list(form.required),
        "properties": {name: {"type": _CELLS.get(kind, _ANY_CELL)} for name, kind in form.kinds.items()},
    }


def _score_body(served: Sequence[ServedModel]) -> dict[str, Any]:
    tables = [model for model in served if model.form.frame is None]
    content: dict[str, Any] = {}
    chosen = _exemplary(served)
    if tables:
        rows = [row_schema(model.form) for model in tables]
        item = rows[0] if len(rows) == 1 else {"anyOf": rows}
        content["application/json"] = {
            "schema": {
                "type": "object",
                "required": ["rows"],
                "properties": {"rows": {"type": "array", "minItems": 1, "items": item}},
            }
        } | ({"example": {"rows": chosen.example}} if chosen else {})
        content["text/csv"] = {"schema": {"type": "string"}} | (
            {"example": _as_csv(chosen.form, chosen.example)} if chosen else {}
        )
        content["application/vnd.apache.arrow.stream"] = {"schema": {"type": "string", "format": "binary"}}
    if len(tables) < len(served):
        files = {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
        content["multipart/form-data"] = {
            "schema": {"type": "object", "required": ["file"], "properties": {"file": files}}
        }
        content |= {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _image_types()}
    return {"required": True, "content": content}


def _infer_body(served: Sequence[ServedModel]) -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "inputs": {"type": "array", "minItems": 1, "items": _INPUT},
            "outputs": {"type": "array"},
        },
    }
    content: dict[str, Any] = {"schema": schema}
    chosen = _exemplary(served)
    if chosen:
        content["example"] = _infer_example(chosen)
    return {"required": True, "content": {"application/json": content}}


def _exemplary(served: Sequence[ServedModel]) -> ServedModel | None:
    """The model that examples are of: the first one that has any."""
    return next((model for model in served if model.example), None)


def _infer_example(served: ServedModel) -> dict[str, Any]:
    rows, inputs = served.example, []
    for tensor in input_tensors(served.form):
        cells = [row[tensor["name"]] for row in rows]
        if tensor["datatype"] == "BYTES":
            cells = [cell if cell is None else str(cell) for cell in cells]
        elif tensor["datatype"] == "BOOL" and None in cells:
            tensor["datatype"] = "BYTES"
            cells = [cell if cell is None else str(cell).lower() for cell in cells]
        inputs.append(tensor | {"shape": [len(rows)], "data": cells})
    return {"inputs": inputs}


def _as_csv(form: Form, rows: Sequence[dict[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, form.names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _image_types() -> list[str]:
    short = {"jpg": "jpeg", "tif": "tiff"}
    names = {suffix[1:] for suffix in SUFFIXES}
    return sorted({f"image/{short.get(name, name)}" for name in names})


def _fill_paths(schema: dict[str, Any], served: Sequence[ServedModel]) -> None:
    """Name the models that there are where a path asks for one."""
    names = sorted({model.name for model in served})
    versions = sorted({model.version for model in served})
    first = _exemplary(served) or next(iter(served), None)
    for name in ("HTTPValidationError", "ValidationError"):
        schema.get("components", {}).get("schemas", {}).pop(name, None)
    for methods in schema["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("422", None)  # no route leaves a check to FastAPI
            for parameter in operation.get("parameters", []):
                known = {"name": names, "model": names, "version": versions}.get(parameter["name"])
                if not known or first is None:
                    continue
                parameter["schema"] = {"type": "string", "enum": known}
                if parameter["name"] != "version":
                    parameter["example"] = first.name
                    parameter["required"] = parameter["in"] == "path" or len(names) > 1
                elif parameter.get("required"):
                    parameter["example"] = first.version
