"""What a request can be refused for, each with its HTTP status; the body of every refusal is the same.

    ServiceError
    ├── RefusedRowsError      400  some rows cannot be read; says which
    ├── UnauthorizedError     401  a key is wanted
    ├── ForbiddenError        403  another key is wanted
    ├── UnknownModelError     404  there is no such model or version
    ├── SlowClientError       408  the request did not arrive in time
    ├── TooLargeError         413  more bytes or rows than a request may have
    ├── UnknownMediaError     415  a body of a kind that is not read
    └── BusyError             503  more work is waiting than can be done in time; Retry-After says when

An ``InputError`` of the library or of a source is a 400 as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from anomaly_vae.errors import AnomalyVAEError
from anomaly_vae_pipelines.errors import nearest

MOST_NAMED = 10
"""Rows that a refusal names."""


class ServiceError(AnomalyVAEError):
    """A request is refused; the message says what was wanted.

    Attributes
    ----------
    status : int
        The HTTP status.
    headers : mapping of str to str
        What the answer tells beside its body.
    """

    status: ClassVar[int] = 400
    headers: ClassVar[Mapping[str, str]] = {}


class RefusedRowsError(ServiceError):
    """Some rows cannot be read.

    Parameters
    ----------
    n_rows : int
        Rows of the request.
    problems : sequence of (int, str)
        The rows that cannot be read, by their place in the request, and why.
    unit : str
        What a row is called: "row", counted from 0, or "line", counted from 1.
    """

    def __init__(self, n_rows: int, problems: Sequence[tuple[int, str]], unit: str = "row") -> None:
        self.problems, self.unit = problems, unit
        place, reason = problems[0]
        verb = "rows cannot" if len(problems) > 1 else "row cannot"
        super().__init__(
            f"{len(problems):,} of {n_rows:,} {verb} be read, the first is {unit} {place}: {reason}"
        )

    def first_problems(self) -> list[dict[str, int | str]]:
        """The first rows that cannot be read, each with its problem."""
        return [{self.unit: row, "problem": reason} for row, reason in self.problems[:MOST_NAMED]]


class UnauthorizedError(ServiceError):
    """A key is wanted, and none came or one that is not known."""

    status = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}

    def __init__(self) -> None:
        super().__init__("a key is wanted, as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'")


class ForbiddenError(ServiceError):
    """The key is known and may not do this."""

    status = 403


class UnknownModelError(ServiceError):
    """There is no model, or no version, of that name."""

    status = 404

    def __init__(self, what: str, name: str, known: Sequence[str]) -> None:
        near = nearest(name, known)
        hint = (
            f"; did you mean {near!r}?" if near else f"; there is {', '.join(known[:MOST_NAMED]) or 'none'}"
        )
        super().__init__(f"there is no {what} {name!r}{hint}")


class SlowClientError(ServiceError):
    """The whole of a request did not arrive in time."""

    status = 408
    headers: ClassVar[Mapping[str, str]] = {"Connection": "close"}


class TooLargeError(ServiceError):
    """A request has more bytes or rows than it may have."""

    status = 413


class UnknownMediaError(ServiceError):
    """A body is of a kind that is not read."""

    status = 415


class BusyError(ServiceError):
    """More is waiting than can be done in time."""

    status = 503
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}

    def __init__(self, why: str = "more requests are waiting than can be answered in time") -> None:
        super().__init__(f"{why}; try again in a second")
