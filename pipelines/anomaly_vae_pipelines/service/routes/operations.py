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
    query : tuple of str
        Names of the parameters after ``?``.
    result : type, optional
        Of the successful body, if the function returns a Response.
    errors : tuple of int
        HTTP statuses besides those that follow from the path.
    """

    method: str
    path: str
    function: Function
    summary: str = ""
    query: tuple[str, ...] = ()
    result: Any = None
    errors: tuple[int, ...] = ()

    @property
    def result_type(self) -> Any:
        """Type of the successful body."""
        return self.result or get_type_hints(self.function)["return"]

    @property
    def scores(self) -> bool:
        """Whether the operation scores the rows of a body."""
        return self.path.endswith(("/score", "/infer"))

    @property
    def statuses(self) -> list[int]:
        """HTTP statuses of its error responses: any needs a key, and a model may be unknown."""
        scoring = (400, 404, 408, 413, 415, 503) if self.scores else ()
        return sorted({401, 403, *scoring, *self.errors, *((404,) if "{name}" in self.path else ())})

    @property
    def id(self) -> str:
        """Identifier that generated clients name their functions after."""
        return re.sub(r"\W", "_", f"{self.function.__name__}{self.path}_{self.method.lower()}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, without the error handling that Starlette adds to a function.

        The middleware handles errors once for all routes, and reads the path for the metrics.
        """
        result = await self.function(Request(scope, receive, send))
        if not isinstance(result, Response):
            result = Response(msgspec.json.encode(result), media_type="application/json")
        await result(scope, receive, send)


def routes_of(operations: Iterable[Operation]) -> list[Route]:
    """The routes of operations; those that score come first, since nearly all requests are for them."""
    routes = []
    for operation in sorted(operations, key=lambda one: not one.scores):
        route = Route(operation.path, operation)
        route.methods = {operation.method}  # this method alone: Starlette would add HEAD to GET
        routes.append(route)
    return routes
