"""Exceptions become responses, at most one per request."""

from __future__ import annotations

import json

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.service.errors import BusyError
from anomaly_vae_pipelines.service.http.middleware.errors import errors
from tests.anomaly_vae_pipelines.service.http.middleware.asgi import ask, deaf


def raising(error: Exception) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "status"),
    [(InputError("x"), 400), (BusyError(), 503), (HTTPException(404), 404), (KeyError("x"), 500)],
)
def test_an_exception_has_its_status_and_the_id_of_the_request(error: Exception, status: int) -> None:
    answer = ask(errors(raising(error)), headers={"x-request-id": "order-7"})
    assert answer.status == status
    assert json.loads(answer.body)["request_id"] == "order-7"


def test_only_unexpected_exceptions_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """With their stack trace."""
    ask(errors(raising(InputError("x"))))
    assert not caplog.records
    ask(errors(raising(KeyError("x"))))
    assert "Traceback" in caplog.text


def test_a_client_that_has_left_gets_no_response() -> None:
    assert ask(errors(raising(ClientDisconnect()))).status == 0


def test_nothing_is_sent_after_a_response_has_started() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await deaf(scope, receive, send, b"ok")
        raise KeyError("late")

    assert ask(errors(app)).body == b"ok"
