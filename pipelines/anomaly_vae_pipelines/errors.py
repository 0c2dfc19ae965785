"""Every exception and warning of the applications, a branch of the library's tree.

    anomaly_vae.errors.AnomalyVAEError
    ├── anomaly_vae.errors.InputError   a user's mistake: exit code 2
    │   ├── SourceError                 a file cannot be read as rows or images; names file and line
    │   ├── UnknownNameError            a column, key or value that is not there; names the nearest
    │   ├── ColumnClashError            a result column would hide a column of the input
    │   └── OutputExistsError           an output exists and nobody said to replace it
    ├── SinkError                       an output cannot be written (disk full, no permission): exit code 1
    │   └── DeliveryError               a receiver did not take an alert; it stays on disk
    ├── LostInputError                  an input vanished or was cut while it was being read: exit code 1
    └── TooManyRejectedError            more rows cannot be read than was allowed: exit code 1

    MixedColumnWarning (UserWarning)    a column of numbers is read as text, because of a few cells
    AlertingWarning (UserWarning)       an alert is late or refused, or a rule cannot see all of its rows

Every message names the file, line or column, what was wanted, and the way out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from anomaly_vae.errors import AnomalyVAEError, InputError


class SourceError(InputError):
    """A file cannot be read as rows or images.

    Attributes
    ----------
    source : str
        Name of the file.
    line : int or None
        Line of the file, from 1; None where the whole file is meant.
    """

    def __init__(self, source: str, line: int | None, problem: str) -> None:
        self.source, self.line = source, line
        where = source if line is None else f"{source}, line {line}"
        super().__init__(f"{where}: {problem}")


class UnknownNameError(InputError):
    """A name is not among those that exist; the message ends with the nearest one.

    Attributes
    ----------
    name : str
        The name that was asked for.
    nearest : str or None
        The most similar name that exists.
    """

    def __init__(self, problem: str, name: str, known: Iterable[str]) -> None:
        self.name, self.nearest = name, nearest(name, known)
        hint = f"; did you mean {self.nearest!r}?" if self.nearest is not None else ""
        super().__init__(problem + hint)


class ColumnClashError(InputError):
    """A result column would have the name of a column of the input."""


class OutputExistsError(InputError):
    """An output exists already and is left as it is."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: exists already; give --force to replace it, or another name")


class SinkError(AnomalyVAEError):
    """An output cannot be written; what was there before is intact."""


class DeliveryError(SinkError):
    """A receiver did not take an alert.

    Attributes
    ----------
    final : bool
        Whether it will never take it, so that trying again is of no use.
    wait : float
        Seconds for which the receiver asked to be left alone.
    """

    def __init__(self, why: str, *, final: bool = False, wait: float = 0.0) -> None:
        self.final, self.wait = final, wait
        super().__init__(why)


class LostInputError(AnomalyVAEError):
    """An input is gone, or shorter than when the run began; what was written before is intact."""


class TooManyRejectedError(AnomalyVAEError):
    """More rows cannot be read than the run was allowed to leave out; no output was written."""


class MixedColumnWarning(UserWarning):
    """A column of numbers holds a few cells that are none, so that all of it is read as text."""


class AlertingWarning(UserWarning):
    """An alert could not be delivered yet, was refused for good, or a rule cannot see all of its rows."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The most similar of the known names, or None where none is similar."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    return by_folded[matches[0]] if matches else None
