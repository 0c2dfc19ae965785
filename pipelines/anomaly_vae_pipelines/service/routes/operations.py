"""Operation: one method of one path, with the function that answers it and its OpenAPI description."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, get_type_hints

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

WORK = ("/score", "/infer")
"""Ends of the paths that score. They are matched first: nearly all requests are for them."""

Function = Callable[[Request], Awaitable[Any]]
"""Answers a request with a Response, or with an object that is sent as JSON."""


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    Attributes
    ----------
    method, path : str
    function : callable
        Its return type describes the JSON of a successful response.
    summary : str
        Empty for an operation that the OpenAPI description leaves out.
    tag : str
        Group in the OpenAPI description.
    errors : tuple of int
        HTTP statuses besides 401 and 403, which every operation may return.
    query : tuple of str
        Names of the parameters after ``?``.
    result : type, optional
        Of the successful body, if the function returns a Response.
    """

    method: str
    path: str
    function: Function
    summary: str = ""
    tag: str = ""
    errors: tuple[int, ...] = ()
    query: tuple[str, ...] = ()
    result: Any = None

    @property
    def result_type(self) -> Any:
        """Type of the successful body."""
        return self.result or get_type_hints(self.function)["return"]

    @property
    def path_parameters(self) -> list[str]:
        """Names of the parameters in the path."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def id(self) -> str:
        """Identifier that generated clients name their functions after."""
        return re.sub(r"\W", "_", f"{self.function.__name__}{self.path}") + f"_{self.method.lower()}"

    def route(self) -> Route:
        """The operation as a route, of this method alone: Starlette would add HEAD to GET."""
        route = Route(self.path, _Endpoint(self.function, self.path), methods=[self.method])
        route.methods = {self.method}
        return route


def routes_of(operations: Iterable[Operation]) -> list[Route]:
    """The routes of operations, in the order in which they are matched."""
    return [one.route() for one in sorted(operations, key=lambda one: not one.path.endswith(WORK))]


class _Endpoint:
    """A function as an ASGI application, without the error handling that Starlette adds to a function.

    The middleware handles errors once for all routes.

    Attributes
    ----------
    path : str
        Of its route, for the metrics.
    """

    def __init__(self, function: Function, path: str) -> None:
        self._function, self.path = function, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        result = await self._function(Request(scope, receive, send))
        if not isinstance(result, Response):
            result = Response(msgspec.json.encode(result), media_type="application/json")
        await result(scope, receive, send)
