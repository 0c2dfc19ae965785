"""An exchange records a request and its response, which gets a few headers."""

from __future__ import annotations

import asyncio

import pytest

from anomaly_vae_pipelines.service.http.middleware.exchange import Exchange, exchange_of
from tests.anomaly_vae_pipelines.service.http.middleware.asgi import ask, deaf, echo, scope_of, send_to


def exchanged(app: object, *parts: bytes | None, **request: object) -> Exchange:
    scope = scope_of(**request)
    asyncio.run(send_to(app, scope, parts or (b"",)))
    return exchange_of(scope)


def test_bytes_and_status_are_counted_as_they_pass() -> None:
    exchange = exchanged(echo, b"ab", b"", b"cde")
    assert (exchange.n_bytes, exchange.is_whole, exchange.status) == (5, True, 200)
    assert ask(echo, b"ab", b"", b"cde").body == b"abcde"


def test_a_body_that_is_not_read_is_not_whole() -> None:
    exchange = exchanged(deaf, b"ab")
    assert (exchange.n_bytes, exchange.is_whole, exchange.has_left) == (0, False, False)


def test_a_client_that_disconnects_before_the_end_has_left() -> None:
    assert exchanged(echo, b"ab", None).has_left


@pytest.mark.parametrize("given", ["order-7", "a/b+c=d.e:f", "x" * 128])
def test_a_safe_id_is_kept(given: str) -> None:
    assert exchanged(echo, headers={"x-request-id": given}).id == given


@pytest.mark.parametrize("given", ["", "x" * 129, "two words", 'a"b', "a\nb"])
def test_any_other_id_is_replaced_by_a_unique_one(given: str) -> None:
    ids = {exchanged(echo, headers={"x-request-id": given}).id for _ in range(3)}
    assert len(ids) == 3
    assert given not in ids


@pytest.mark.parametrize(
    ("path", "is_open"),
    [("/", True), ("/docs", True), ("/static/page.css", True), ("/v2/health/live", True), ("/v2", False),
     ("/static", False), ("/docs/", False), ("/v1/score", False), ("/metrics", False)],
)  # fmt: skip
def test_pages_and_health_are_open(path: str, is_open: bool) -> None:
    assert exchanged(echo, path=path).is_open is is_open


def test_a_response_has_the_id_of_its_request() -> None:
    headers = ask(echo, headers={"x-request-id": "order-7"}).headers
    assert headers == {"x-request-id": "order-7", "x-content-type-options": "nosniff"}


def test_a_connection_is_closed_after_a_body_that_was_not_read() -> None:
    """The server would wait for the rest of the body."""
    for length in ({"content-length": "2"}, {"transfer-encoding": "chunked"}):
        assert ask(deaf, b"ab", headers=length).headers["connection"] == "close"
        assert "connection" not in ask(echo, b"ab", headers=length).headers


def test_a_connection_is_kept_after_a_request_without_a_body() -> None:
    for length in ({}, {"content-length": "0"}):
        assert "connection" not in ask(deaf, headers=length).headers
