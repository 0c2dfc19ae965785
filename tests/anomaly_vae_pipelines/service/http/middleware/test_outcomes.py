"""One line of the log per request, whatever happens to it, and one count by route and status."""

from __future__ import annotations

import logging

import pytest
from starlette.types import Receive, Scope, Send

from anomaly_vae_pipelines.service.http.middleware.exchange import exchange_of
from anomaly_vae_pipelines.service.http.middleware.outcomes import outcomes
from anomaly_vae_pipelines.service.models.metrics import Metrics
from anomaly_vae_pipelines.service.models.registry import Registry
from anomaly_vae_pipelines.service.routes.operations import Operation, routes_of
from anomaly_vae_pipelines.service.settings import Settings
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


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(Registry(Settings()))


def test_a_line_has_the_fields_of_the_exchange_and_of_the_route(
    caplog: pytest.LogCaptureFixture, metrics: Metrics
) -> None:
    with caplog.at_level(logging.INFO):
        ask(outcomes(scoring, metrics), b"four", headers={"x-request-id": "order-7"})
    fields = logged(caplog)
    assert fields.pop("ms") >= 0.0
    assert fields == {
        "method": "POST", "path": "/v1/score", "status": 200, "bytes": 4, "request_id": "order-7", "rows": 3
    }  # fmt: skip


def test_a_request_without_a_response_is_logged_as_499(
    caplog: pytest.LogCaptureFixture, metrics: Metrics
) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(RuntimeError):
        ask(outcomes(failing, metrics))
    assert logged(caplog)["status"] == 499


def test_pages_and_health_are_logged_for_debugging_only(
    caplog: pytest.LogCaptureFixture, metrics: Metrics
) -> None:
    with caplog.at_level(logging.INFO):
        ask(outcomes(echo, metrics), path="/v2/health/live")
    assert not caplog.records


def counts(metrics: Metrics) -> dict[str, float]:
    lines = [line.rsplit(" ", 1) for line in metrics.page().decode().splitlines()]
    return {name: float(count) for name, count in lines if name.startswith("anomaly_vae_requests_total")}


def test_a_request_is_counted_by_route_whatever_its_path(metrics: Metrics) -> None:
    """So that the names in paths do not become labels."""

    async def answer(request: object) -> dict[str, int]:
        return {}

    (route,) = routes_of([Operation("POST", "/v2/models/{name}/infer", answer)])

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        _, found = route.matches(scope)
        scope.update(found)
        await route.handle(scope, receive, send)

    app = outcomes(routed, metrics)
    for name in "ab":
        ask(app, path=f"/v2/models/{name}/infer")
    assert counts(metrics) == {
        'anomaly_vae_requests_total{route="/v2/models/{name}/infer",status="200"}': 2.0
    }


def test_paths_without_a_route_are_counted_as_one(metrics: Metrics) -> None:
    app = outcomes(echo, metrics)
    for path in ("/a", "/b", "/c"):
        ask(app, path=path)
    assert counts(metrics) == {'anomaly_vae_requests_total{route="other",status="200"}': 3.0}
