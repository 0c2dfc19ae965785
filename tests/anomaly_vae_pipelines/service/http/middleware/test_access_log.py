"""One line per request, whatever happens to it."""

from __future__ import annotations

import logging

import pytest
from starlette.types import Receive, Scope, Send

from anomaly_vae_pipelines.service.http.middleware.access_log import access_log
from anomaly_vae_pipelines.service.http.middleware.exchange import exchange_of
from tests.anomaly_vae_pipelines.service.http.middleware.asgi import ask, echo


async def scoring(scope: Scope, receive: Receive, send: Send) -> None:
    exchange_of(scope).log_fields["rows"] = 3
    await echo(scope, receive, send)


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("broken")


def logged(caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    (record,) = caplog.records
    message, fields = record.args
    assert message == "request"
    assert isinstance(fields, dict)
    return fields


def test_a_line_has_the_fields_of_the_exchange_and_of_the_route(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        ask(access_log(scoring), b"four", headers={"x-request-id": "order-7"})
    fields = logged(caplog)
    assert fields.pop("ms") >= 0.0
    assert fields == {
        "method": "POST", "path": "/v1/score", "status": 200, "bytes": 4, "request_id": "order-7", "rows": 3
    }  # fmt: skip


def test_a_request_without_a_response_is_logged_as_499(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(RuntimeError):
        ask(access_log(failing))
    assert logged(caplog)["status"] == 499


def test_pages_and_health_are_logged_for_debugging_only(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        ask(access_log(echo), path="/v2/health/live")
    assert not caplog.records
