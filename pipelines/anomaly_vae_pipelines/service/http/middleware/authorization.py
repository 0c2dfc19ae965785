"""Authorization: which paths need a key, and of which role."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from anomaly_vae_pipelines.service.errors import ForbiddenError, UnauthorizedError
from anomaly_vae_pipelines.service.http.keys import Keys
from anomaly_vae_pipelines.service.http.middleware.exchange import exchange_of

_ADMIN_PREFIX = "/v2/repository/models/"


def authorization(app: ASGIApp, keys: Keys) -> ASGIApp:
    """Raises UnauthorizedError without a known key, ForbiddenError without an admin key for loading.

    If the service has no keys, anyone may score and no client may load.
    """

    async def authorized(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        if not exchange.is_open:
            _check(keys, exchange.headers, is_admin=scope["path"].startswith(_ADMIN_PREFIX))
        await app(scope, receive, send)

    return authorized


def _check(keys: Keys, headers: Headers, *, is_admin: bool) -> None:
    if not keys:
        if is_admin:
            raise ForbiddenError("loading needs an admin key, and the service was started without keys")
        return
    role = keys.role_of(_key(headers))
    if role is None:
        raise UnauthorizedError
    if is_admin and role != "admin":
        raise ForbiddenError("loading needs an admin key, and this key is for scoring")


def _key(headers: Headers) -> str:
    """The key of a request; empty if there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
