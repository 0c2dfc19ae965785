"""Headers that every response has."""

from __future__ import annotations

from anomaly_vae_pipelines.service.http.middleware.response_headers import response_headers
from tests.anomaly_vae_pipelines.service.http.middleware.asgi import ask, deaf, echo


def test_a_response_has_the_id_of_its_request() -> None:
    headers = ask(response_headers(echo), headers={"x-request-id": "order-7"}).headers
    assert headers == {"x-request-id": "order-7", "x-content-type-options": "nosniff"}


def test_a_connection_is_closed_after_a_body_that_was_not_read() -> None:
    """The server would wait for the rest of the body."""
    for length in ({"content-length": "2"}, {"transfer-encoding": "chunked"}):
        assert ask(response_headers(deaf), b"ab", headers=length).headers["connection"] == "close"
        assert "connection" not in ask(response_headers(echo), b"ab", headers=length).headers


def test_a_connection_is_kept_after_a_request_without_a_body() -> None:
    for length in ({}, {"content-length": "0"}):
        assert "connection" not in ask(response_headers(deaf), headers=length).headers
