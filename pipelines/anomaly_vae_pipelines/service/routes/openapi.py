"""The OpenAPI description of a service, with request bodies that fit the models that it serves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from anomaly_vae._version import __version__
from anomaly_vae_pipelines.service.http.error_responses import ErrorResponse
from anomaly_vae_pipelines.service.models.registry import ServedModel
from anomaly_vae_pipelines.service.routes.operations import Operation
from anomaly_vae_pipelines.service.routes.request_bodies import (
    first_with_example,
    infer_body,
    score_body,
    verdict_body,
)

_ABOUT = {
    "model": "Name of the model; optional if the service has one model.",
    "version": "Version of the model; the newest by default.",
    "explain": "Whether to return the columns or regions that lower each score most.",
}
_SUMMARY = "Scores of rows and images, with reasons"
_TAGS = {"/v1": "v1", "/v2/repository": "admin", "/v2": "v2", "": "operations"}
"""Groups of operations by the first part of their paths."""

_BODIES = {"/v1/score": score_body, "/v1/verdicts": verdict_body}


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
        "info": {"title": "anomaly-vae", "summary": _SUMMARY, "version": __version__},
        "paths": paths,
        "components": {"schemas": components},
    }


def _described(
    operation: Operation, result: dict[str, Any], error: dict[str, Any], served: Sequence[ServedModel]
) -> dict[str, Any]:
    media = "text/plain" if operation.result_type is str else "application/json"
    responses = {"200": _response("Successful Response", media, result)}
    for status in operation.statuses:
        responses[str(status)] = _response(HTTPStatus(status).phrase, "application/json", error)
    parameters = [
        {"name": name, "in": "path", "required": True, **_values(name, served)}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    parameters += [_query_parameter(name, served) for name in operation.query]
    content: dict[str, Any] = {
        "tags": [next(tag for start, tag in _TAGS.items() if operation.path.startswith(start))],
        "summary": operation.summary,
        "operationId": operation.id,
        "parameters": parameters,
        "responses": responses,
    }
    if operation.scores or operation.path in _BODIES:
        content["requestBody"] = _BODIES.get(operation.path, infer_body)(served)
    return content


def _response(description: str, media: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {media: {"schema": schema}}}


def _query_parameter(name: str, served: Sequence[ServedModel]) -> dict[str, Any]:
    content = {"name": name, "in": "query", "description": _ABOUT[name]}
    if name == "explain":
        return content | {"schema": {"type": "boolean", "default": False}}
    values = _values(name, served)
    if name == "version":
        return content | {"schema": values["schema"]}  # an example would choose an older version
    return content | values | {"required": len(values["schema"].get("enum", ())) > 1}


def _values(name: str, served: Sequence[ServedModel]) -> dict[str, Any]:
    """The names, or the versions, of the served models as a schema, and one of them as an example."""
    if not served:
        return {"schema": {"type": "string"}}
    attribute = "version" if name == "version" else "name"
    example = getattr(first_with_example(served) or served[0], attribute)
    values = sorted({getattr(model, attribute) for model in served})
    return {"schema": {"type": "string", "enum": values}, "example": example}
