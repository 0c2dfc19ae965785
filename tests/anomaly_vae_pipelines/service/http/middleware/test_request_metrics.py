"""Requests are counted by the path of their route and by status."""

from __future__ import annotations

import pytest
from starlette.types import Receive, Scope, Send

from anomaly_vae_pipelines.service.http.middleware.request_metrics import request_metrics
from anomaly_vae_pipelines.service.models.metrics import Metrics
from anomaly_vae_pipelines.service.models.registry import Registry
from anomaly_vae_pipelines.service.routes.operations import Operation, routes_of
from anomaly_vae_pipelines.service.settings import Settings
from tests.anomaly_vae_pipelines.service.http.middleware.asgi import ask, echo


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(Registry(Settings()))


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

    app = request_metrics(routed, metrics)
    for name in "ab":
        ask(app, path=f"/v2/models/{name}/infer")
    assert counts(metrics) == {
        'anomaly_vae_requests_total{route="/v2/models/{name}/infer",status="200"}': 2.0
    }


def test_paths_without_a_route_are_counted_as_one(metrics: Metrics) -> None:
    app = request_metrics(echo, metrics)
    for path in ("/a", "/b", "/c"):
        ask(app, path=path)
    assert counts(metrics) == {'anomaly_vae_requests_total{route="other",status="200"}': 3.0}
