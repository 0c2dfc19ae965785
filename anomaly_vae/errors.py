"""Every exception and warning of the library, in one small tree.

AnomalyVAEError
├── InputError (ValueError)        a user's mistake: exit code 2 on the command line, 400 over HTTP
│   ├── SchemaError                a column is missing, doubled or of another kind
│   ├── CellError                  one cell cannot be read as its column's kind
│   │   └── CellTypeError (TypeError)  ... because it is not a text, number, boolean or date
│   ├── StepError                  a step of a loaded Pipeline cannot read the rows
│   └── ModelFileError             a model file is damaged, forged or from another version
├── NonFiniteScoreError            a model gives scores that are not finite numbers
├── ExportError                    an exported model gives other results than its detector
└── MissingExtraError (ImportError)   an optional dependency is not installed

IdentifierColumnWarning (UserWarning)   a column looks like an id and is left out of the model
"""

from __future__ import annotations

from typing import Self

_A_CELL = "a cell whose argument must be a string or a number"


class AnomalyVAEError(Exception):
    """Base of all errors that this package raises itself; a pickled copy has the message and attributes."""

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), self.args, vars(self))


class InputError(AnomalyVAEError, ValueError):
    """The user gave an input that cannot be used; the message says what to do instead."""


class SchemaError(InputError):
    """The columns of a table are not those that the model was fitted on."""


class CellError(InputError):
    """One cell of a table cannot be read as its column's kind.

    Attributes
    ----------
    column : str
        Name of the column.
    row : int
        Position of the row in the given table, from 0.
    value : object
        The cell as it was given.
    wanted : str
        What the column holds, such as "a number".
    """

    def __init__(self, column: str, row: int, value: object, wanted: str) -> None:
        self.column, self.row, self.value, self.wanted = column, row, value, wanted
        super().__init__(f"column {column!r}, row {row}: wanted {wanted}, got {self._shown()}")

    def at(self, row: int) -> Self:
        """The same error with another row number: the position in the whole table instead of a part of it."""
        return type(self)(self.column, row, self.value, self.wanted)

    def _shown(self) -> str:
        return repr(self.value)


class CellTypeError(CellError, TypeError):
    """One cell holds an object that is not a text, number, boolean or date."""

    def __init__(self, column: str, row: int, value: object, wanted: str = _A_CELL) -> None:
        super().__init__(column, row, value, wanted)

    def _shown(self) -> str:
        return f"an object of type {type(self.value).__name__}"


class StepError(InputError):
    """A step of a loaded Pipeline cannot read the rows; the message gives the step's own reason."""


class ModelFileError(InputError):
    """A model file is rejected; no code in it was run."""


class NonFiniteScoreError(AnomalyVAEError):
    """A model gives scores that are not finite numbers: its file is damaged or forged."""


class ExportError(AnomalyVAEError):
    """An exported model gives other results than its detector; it was not written."""


class MissingExtraError(AnomalyVAEError, ImportError):
    """An optional dependency is missing; the message names the ``pip install`` command that installs it."""


class IdentifierColumnWarning(UserWarning):
    """A column looks like an identifier, says nothing about normality, and is left out of the model."""


def _restored(
    kind: type[AnomalyVAEError], args: tuple[object, ...], attributes: dict[str, object]
) -> AnomalyVAEError:
    """The pickled error, whose constructor may take other arguments than its message."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error
