"""Operations as routes: one method each, JSON from what a function returns."""

from __future__ import annotations

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from anomaly_vae_pipelines.service.codecs.schemas import Live
from anomaly_vae_pipelines.service.routes.operations import Operation, routes_of


async def live(request: Request) -> Live:
    return Live(True)


async def text(request: Request) -> Response:
    return Response("text", 201)


def test_an_object_is_sent_as_json_and_a_response_as_it_is() -> None:
    routes = routes_of([Operation("GET", "/live", live), Operation("POST", "/text", text)])
    with TestClient(Starlette(routes=routes)) as client:
        answer = client.get("/live")
        assert answer.headers["content-type"] == "application/json"
        assert msgspec.json.decode(answer.content, type=Live) == Live(True)
        assert (client.post("/text").status_code, client.post("/text").text) == (201, "text")


def test_a_route_takes_its_method_alone() -> None:
    """HEAD too is a method of its own."""
    with TestClient(Starlette(routes=routes_of([Operation("GET", "/live", live)]))) as client:
        for method in ("HEAD", "POST"):
            answer = client.request(method, "/live")
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_operations_that_score_are_matched_first_in_their_order() -> None:
    paths = ["/v2", "/v1/score", "/v1/models", "/v2/models/{name}/infer"]
    routes = routes_of([Operation("POST", path, live) for path in paths])
    assert [route.path for route in routes] == ["/v1/score", "/v2/models/{name}/infer", "/v2", "/v1/models"]


def test_statuses_and_types_follow_from_path_and_function() -> None:
    assert Operation("GET", "/v2", live).statuses == [401, 403]
    assert Operation("GET", "/v2/models/{name}", live).statuses == [401, 403, 404]
    assert Operation("POST", "/v1/score", text).statuses == [400, 401, 403, 404, 408, 413, 415, 503]
    assert Operation("POST", "/x", live, errors=(400,)).statuses == [400, 401, 403]
    assert Operation("GET", "/v2", live).result_type is Live
    assert Operation("GET", "/v2", text, result=Live).result_type is Live


def test_an_id_is_a_name_in_any_language() -> None:
    assert Operation("GET", "/v2/models/{name}", live).id == "live_v2_models__name__get"
