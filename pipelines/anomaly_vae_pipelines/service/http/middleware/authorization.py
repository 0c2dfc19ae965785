"""Authorization: which paths need a key, and of which role."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from anomaly_vae_pipelines.service.errors import ForbiddenError, UnauthorizedError
from anomaly_vae_pipelines.service.http.keys import ROLES, Keys, Role
from anomaly_vae_pipelines.service.http.middleware.exchange import exchange_of

_ADMIN_PREFIX, _VERDICTS = "/v2/repository/models/", "/v1/verdicts"
_DOES: dict[Role, str] = {"score": "scoring", "verdict": "giving verdicts", "admin": "loading"}


def authorization(app: ASGIApp, keys: Keys) -> ASGIApp:
    """Raises UnauthorizedError without a known key, ForbiddenError if its role is too low for the path.

    If the service has no keys, anyone may score and give verdicts, and no client may load.
    """

    async def authorized(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        if not exchange.is_open:
            _check(keys, exchange.headers, _needed(scope["path"]))
        await app(scope, receive, send)

    return authorized


def _needed(path: str) -> Role:
    """The lowest role that may ask for a path."""
    return "admin" if path.startswith(_ADMIN_PREFIX) else "verdict" if path == _VERDICTS else "score"


def _check(keys: Keys, headers: Headers, needed: Role) -> None:
    if not keys:
        if needed == "admin":
            raise ForbiddenError("loading needs an admin key, and the service was started without keys")
        return
    role = keys.role_of(_key(headers))
    if role is None:
        raise UnauthorizedError
    if ROLES.index(role) < ROLES.index(needed):
        article = "an" if needed == "admin" else "a"
        problem = f"{_DOES[needed]} needs {article} {needed} key, and this key is for {_DOES[role]}"
        raise ForbiddenError(problem)


def _key(headers: Headers) -> str:
    """The key of a request; empty if there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
