"""Exceptions and warnings of the applications; they extend those of ``anomaly_vae.errors``.

    anomaly_vae.errors.AnomalyVAEError
    ├── anomaly_vae.errors.InputError   a mistake of the user: exit code 2
    │   ├── SourceError                 a file cannot be read as rows or images; has the file and line
    │   │   └── AmbiguousError          a file can be read in two ways; the message asks which is meant
    │   ├── UnknownNameError            a column, key or value does not exist; suggests the nearest
    │   ├── ColumnClashError            a result column has the name of a column of the input
    │   └── OutputExistsError           an output exists and --force was not given
    ├── SinkError                       an output cannot be written (disk full, no permission): exit code 1
    │   └── DeliveryError               a receiver did not accept an alert, which stays on disk
    ├── LostInputError                  an input disappeared or became shorter during the run: exit code 1
    ├── TooManyRejectedError            too many rows cannot be read: exit code 1
    └── WorkerLostError                 the workers of an engine died again and again: exit code 1

    MixedColumnWarning (UserWarning)    a column of numbers is read as text because of a few cells
    EmptyRowsWarning (UserWarning)      training rows without any value are left out
    UnseenValuesWarning (UserWarning)   many rows hold a category that training never saw
    AlertingWarning (UserWarning)       an alert is late or refused, or a rule cannot see all rows

Every message names the file, line or column, what was expected, and how to fix it.
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
        Line of the file, from 1; None if the error concerns the whole file.
    """

    def __init__(self, source: str, line: int | None, problem: str) -> None:
        self.source, self.line = source, line
        where = source if line is None else f"{source}, line {line}"
        super().__init__(f"{where}: {problem}")


class AmbiguousError(SourceError):
    """A file can be read in two ways; the message gives both, and the options that choose one."""


class UnknownNameError(InputError):
    """A name does not exist; the message ends with the most similar name, if there is one.

    Attributes
    ----------
    name : str
        The unknown name.
    nearest : str or None
        The most similar name that exists.
    """

    def __init__(self, problem: str, name: str, known: Iterable[str]) -> None:
        self.name, self.nearest = name, nearest(name, known)
        hint = f"; did you mean {self.nearest!r}?" if self.nearest is not None else ""
        super().__init__(problem + hint)


class ColumnClashError(InputError):
    """A result column has the name of a column of the input."""


class OutputExistsError(InputError):
    """An output exists already; it was not changed."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: exists already; use --force to replace it, or choose another name")


class SinkError(AnomalyVAEError):
    """An output cannot be written; an earlier file of that name is intact."""


class DeliveryError(SinkError):
    """A receiver did not accept an alert.

    Attributes
    ----------
    final : bool
        Whether the receiver will never accept it, so that retrying is pointless.
    wait : float
        Seconds that the receiver asked to wait before the next attempt.
    """

    def __init__(self, why: str, *, final: bool = False, wait: float = 0.0) -> None:
        self.final, self.wait = final, wait
        super().__init__(why)


class LostInputError(AnomalyVAEError):
    """An input is gone, or shorter than when the run began; earlier outputs are intact."""


class TooManyRejectedError(AnomalyVAEError):
    """The share of rows that cannot be read is above the limit; no output was written."""


class WorkerLostError(AnomalyVAEError):
    """The workers of an engine died again and again while they scored an input."""


class MixedColumnWarning(UserWarning):
    """A column of numbers has a few cells that are not numbers, so the whole column is read as text."""


class EmptyRowsWarning(UserWarning):
    """Rows of a training table have no value in any column, and are left out."""


class UnseenValuesWarning(UserWarning):
    """Many of the scored rows hold a value that training never saw in the same column."""


class AlertingWarning(UserWarning):
    """An alert could not be delivered yet or was refused, or a rule cannot see all rows."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the most similar of the known names, or None if none is similar."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    return by_folded[matches[0]] if matches else None
