"""Errors of requests, each with its HTTP status. All have the same form of error response.

    ServiceError
    ├── RefusedRowsError      400  some rows cannot be read; names them
    ├── UnauthorizedError     401  a key is required
    ├── ForbiddenError        403  the key has the wrong role
    ├── UnknownModelError     404  unknown model or version
    ├── SlowClientError       408  the request did not arrive in time
    ├── TooLargeError         413  too many bytes or rows
    ├── UnknownMediaError     415  the media type is not supported
    ├── UnstoredError         503  verdicts could not be written
    └── BusyError             503  overloaded; Retry-After says when to try again

An ``InputError`` of the library or of a source is also a 400.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from anomaly_vae.errors import AnomalyVAEError
from anomaly_vae_pipelines.errors import nearest
from anomaly_vae_pipelines.plurals import counted

MOST_NAMED = 10
"""Rows that an error response names."""


class ServiceError(AnomalyVAEError):
    """A request cannot be answered; the message says what was wanted.

    Attributes
    ----------
    status : int
        The HTTP status.
    headers : mapping of str to str
        Of the response.
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
        The rows that cannot be read, by their position in the request, and why.
    unit : str
        "row", counted from 0, or "line", counted from 1.
    """

    def __init__(self, n_rows: int, problems: Sequence[tuple[int, str]], unit: str = "row") -> None:
        self.problems, self.unit = problems, unit
        position, reason = problems[0]
        super().__init__(
            f"{len(problems):,} of {counted(n_rows, 'row')} cannot be read, the first is {unit} {position}: "
            f"{reason}"
        )

    def first_problems(self) -> list[dict[str, int | str]]:
        """The first rows that cannot be read, each with its problem."""
        return [{self.unit: row, "problem": reason} for row, reason in self.problems[:MOST_NAMED]]


class UnauthorizedError(ServiceError):
    """The request has no key, or an unknown one."""

    status = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}

    def __init__(self) -> None:
        super().__init__("a key is required, as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'")


class ForbiddenError(ServiceError):
    """The key is known, but its role may not do this."""

    status = 403


class UnknownModelError(ServiceError):
    """No model or version has that name."""

    status = 404

    def __init__(self, what: str, name: str, known: Sequence[str]) -> None:
        near = nearest(name, known)
        hint = (
            f"; did you mean {near!r}?" if near else f"; there is {', '.join(known[:MOST_NAMED]) or 'none'}"
        )
        super().__init__(f"there is no {what} {name!r}{hint}")


class SlowClientError(ServiceError):
    """The request did not arrive completely in time."""

    status = 408
    headers: ClassVar[Mapping[str, str]] = {"Connection": "close"}


class TooLargeError(ServiceError):
    """The request has too many bytes or rows."""

    status = 413


class UnknownMediaError(ServiceError):
    """The media type or encoding of the body is not supported."""

    status = 415


class UnstoredError(ServiceError):
    """Verdicts could not be written, and none was stored."""

    status = 503
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "10"}

    def __init__(self, why: str) -> None:
        super().__init__(f"the verdicts could not be written ({why}), and none was stored; send them again")


class BusyError(ServiceError):
    """More requests are waiting than can be answered in time."""

    status = 503
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}

    def __init__(self, why: str = "more requests are waiting than can be answered in time") -> None:
        super().__init__(f"{why}; try again in a second")
