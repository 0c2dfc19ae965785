"""Every exception has one form of response, without a stack trace."""

from __future__ import annotations

import json

import pytest
from starlette.exceptions import HTTPException

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.service.errors import BusyError, RefusedRowsError, UnauthorizedError
from anomaly_vae_pipelines.service.http.error_responses import error_response


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (InputError("column 'x': wanted a number"), 400, "column 'x': wanted a number"),
        (ValueError("a step of a Pipeline"), 400, "a step of a Pipeline"),
        (KeyError("secret"), 500, "the service failed (KeyError); its log has the stack trace"),
        (HTTPException(404), 404, "this path does not exist; /docs lists the paths"),
        (HTTPException(405, headers={"Allow": "POST"}), 405, "this path takes POST; /docs shows how"),
        (HTTPException(418, "short"), 418, "short"),
    ],
)
def test_an_exception_has_a_status_and_a_message(error: Exception, status: int, said: str) -> None:
    response = error_response(error, "id-1")
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.body) == {"error": said, "request_id": "id-1"}


def test_headers_of_the_error_are_sent() -> None:
    assert error_response(BusyError(), "").headers["retry-after"] == "1"
    assert error_response(UnauthorizedError(), "").headers["www-authenticate"] == "Bearer"
    assert error_response(HTTPException(405, headers={"Allow": "POST"}), "").headers["allow"] == "POST"


def test_refused_rows_are_named() -> None:
    content = json.loads(error_response(RefusedRowsError(2, [(1, "bad")]), "").body)
    assert content["rows"] == [{"row": 1, "problem": "bad"}]
