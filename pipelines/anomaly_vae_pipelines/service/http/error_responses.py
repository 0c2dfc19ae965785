"""Refusals: an error as the answer that every door gives."""

from __future__ import annotations

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from anomaly_vae_pipelines.service.errors import ServiceError


def refusal(error: Exception, request_id: str) -> Response:
    """The answer for an error: its status, and ``{"error": ..., "request_id": ...}`` without any trace.

    What is no ServiceError is the request's fault (400) if it is a ValueError, such as an InputError or what
    the steps of a Pipeline raise for cells that they cannot take; else it is the service's (500).
    """
    status, content, headers = _told(error)
    body = msgspec.json.encode(content | {"request_id": request_id})
    return Response(body, status, dict(headers), media_type="application/json")


def _told(error: Exception) -> tuple[int, dict[str, object], dict[str, str]]:
    if isinstance(error, ServiceError):
        return error.status, error.content(), dict(error.headers)
    if isinstance(error, HTTPException):
        headers = dict(error.headers or {})
        return error.status_code, {"error": _in_words(error, headers)}, headers
    if isinstance(error, ValueError):
        return 400, {"error": str(error)}, {}
    return 500, {"error": f"the service failed ({type(error).__name__}); its log says where"}, {}


def _in_words(error: HTTPException, headers: dict[str, str]) -> str:
    if error.status_code == 404:
        return "there is nothing at this path; /docs shows what there is"
    if error.status_code == 405:
        return f"this path takes {headers.get('Allow', 'another method')}; /docs shows how"
    return str(error.detail)
