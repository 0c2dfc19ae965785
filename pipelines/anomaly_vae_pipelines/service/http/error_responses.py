"""Error responses: an exception as the JSON body that every route returns for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.exceptions import HTTPException
from starlette.responses import Response

from anomaly_vae_pipelines.service.errors import RefusedRowsError, ServiceError


class ErrorResponse(Struct):
    """Why a request was refused."""

    error: Annotated[str, Meta(description="What was wrong, what was wanted, and the way out.")]
    request_id: Annotated[str, Meta(description="Also in the log of the service.")]
    rows: Annotated[
        list[dict[str, int | str]] | UnsetType,
        Meta(description="The first rows that cannot be read, if there are any."),
    ] = UNSET


def error_response(error: Exception, request_id: str) -> Response:
    """The response for an exception: its status and an ErrorResponse, without a stack trace.

    An exception that is neither a ServiceError nor an HTTPException is a 400 if it is a ValueError: an
    InputError, or what the steps of a Pipeline raise for cells that they cannot read. Otherwise it is a 500.
    """
    status, message, headers = _status_message_headers(error)
    rows = error.first_problems() if isinstance(error, RefusedRowsError) else UNSET
    body = msgspec.json.encode(ErrorResponse(message, request_id, rows))
    return Response(body, status, dict(headers), media_type="application/json")


def _status_message_headers(error: Exception) -> tuple[int, str, Mapping[str, str]]:
    if isinstance(error, ServiceError):
        return error.status, str(error), error.headers
    if isinstance(error, HTTPException):
        headers = error.headers or {}
        return error.status_code, _message(error, headers), headers
    if isinstance(error, ValueError):
        return 400, str(error), {}
    return 500, f"the service failed ({type(error).__name__}); its log has the stack trace", {}


def _message(error: HTTPException, headers: Mapping[str, str]) -> str:
    if error.status_code == 404:
        return "this path does not exist; /docs lists the paths"
    if error.status_code == 405:
        return f"this path takes {headers.get('Allow', 'another method')}; /docs shows how"
    return str(error.detail)
