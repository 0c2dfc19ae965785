"""The OpenAPI description of a service, with request bodies that fit the models that it serves."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from anomaly_vae._version import __version__
from anomaly_vae_pipelines.service.http.error_responses import ErrorResponse
from anomaly_vae_pipelines.service.models.registry import ServedModel
from anomaly_vae_pipelines.service.routes.operations import Operation
from anomaly_vae_pipelines.service.routes.request_bodies import first_with_example, infer_body, score_body

_QUERY: dict[str, dict[str, Any]] = {
    "model": {
        "description": "Name of the model; optional if the service has one model.",
        "schema": {"type": "string"},
    },
    "version": {
        "description": "Version of the model; the newest by default.",
        "schema": {"type": "string"},
    },
    "explain": {
        "description": "Whether to return the columns or regions that lower each score most.",
        "schema": {"type": "boolean", "default": False},
    },
}
_PATH = {"schema": {"type": "string"}}
_KEY_ERRORS = (401, 403)


def describe(operations: Sequence[Operation], served: Sequence[ServedModel]) -> dict[str, Any]:
    """The OpenAPI description of some operations on served models."""
    described = [operation for operation in operations if operation.summary]
    types = [ErrorResponse, *(operation.result_type for operation in described)]
    template = "#/components/schemas/{name}"
    (error, *results), components = msgspec.json.schema_components(types, ref_template=template)
    paths: dict[str, dict[str, Any]] = {}
    for operation, result in zip(described, results, strict=True):
        methods = paths.setdefault(operation.path, {})
        methods[operation.method.lower()] = _described(operation, result, error, served)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "anomaly-vae",
            "summary": "Scores of rows and images, with reasons",
            "version": __version__,
        },
        "paths": paths,
        "components": {"schemas": components},
    }


def _described(
    operation: Operation, result: dict[str, Any], error: dict[str, Any], served: Sequence[ServedModel]
) -> dict[str, Any]:
    media = "text/plain" if operation.result_type is str else "application/json"
    responses = {"200": _response("Successful Response", media, result)}
    for status in sorted({*operation.errors, *_KEY_ERRORS}):
        responses[str(status)] = _response(HTTPStatus(status).phrase, "application/json", error)
    content: dict[str, Any] = {
        "tags": [operation.tag],
        "summary": operation.summary,
        "operationId": operation.id,
        "responses": responses,
    }
    parameters = [_parameter(name, "path", served) for name in operation.path_parameters]
    parameters += [_parameter(name, "query", served) for name in operation.query]
    if parameters:
        content["parameters"] = parameters
    if operation.path.endswith("/score"):
        content["requestBody"] = score_body(served)
    elif operation.path.endswith("/infer"):
        content["requestBody"] = infer_body(served)
    return content


def _response(description: str, media: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {media: {"schema": schema}}}


def _parameter(name: str, where: str, served: Sequence[ServedModel]) -> dict[str, Any]:
    """A parameter, with the names or versions of the served models as its values."""
    is_path = where == "path"
    content = {"name": name, "in": where, "required": is_path, **(_PATH if is_path else _QUERY[name])}
    if name == "explain" or not served:
        return content
    first = first_with_example(served) or served[0]
    values = sorted({model.version if name == "version" else model.name for model in served})
    content["schema"] = {"type": "string", "enum": values}
    if name == "model":
        content["required"] = len(values) > 1
    if is_path or name == "model":
        content["example"] = first.version if name == "version" else first.name
    return content
