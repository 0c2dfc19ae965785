"""The tree of errors: what catches what, what a message says, and that an error survives a journey."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from anomaly_vae import errors
from anomaly_vae.errors import (
    AnomalyVAEError,
    CellError,
    CellTypeError,
    IdentifierColumnWarning,
    InputError,
    MissingExtraError,
    ModelFileError,
    SchemaError,
)

CELL = CellError("amount", 3, "many", "a number")
CELL_TYPE = CellTypeError("amount", 3, {"a": 1})


def test_the_drawing_is_the_tree() -> None:
    """The tree in the docstring shows every class of the module once, below its parent."""
    drawn: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"([│├└─ ]*)([A-Z]\w+(?:Error|Warning))\b", line):
            depth, name = len(match[1]), match[2]
            above = [(at, parent) for at, parent in above if at < depth]
            drawn[name] = above[-1][1] if above else ""
            above.append((depth, name))
    classes = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind)}
    assert drawn == {
        name: kind.__bases__[0].__name__ if kind.__bases__[0].__name__ in classes else ""
        for name, kind in classes.items()
    }


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        (InputError, (AnomalyVAEError, ValueError)),
        (SchemaError, (InputError,)),
        (CellError, (InputError,)),
        (CellTypeError, (CellError, TypeError, ValueError)),
        (ModelFileError, (InputError,)),
        (MissingExtraError, (AnomalyVAEError, ImportError)),
        (IdentifierColumnWarning, (UserWarning,)),
    ],
)
def test_an_error_is_caught_by_the_builtin_that_one_expects(
    error: type[Exception], bases: tuple[type[Exception], ...]
) -> None:
    """A user's mistake is an InputError and a ValueError; each error is of its builtin kind too."""
    for base in bases:
        assert issubclass(error, base)


def test_a_missing_extra_is_no_mistake_of_the_input() -> None:
    """An optional dependency that is not installed does not end in exit code 2."""
    assert not issubclass(MissingExtraError, InputError)
    assert not issubclass(IdentifierColumnWarning, AnomalyVAEError)


def test_a_cell_error_tells_where_and_what() -> None:
    """The message has the column, the row, what was wanted and what came; the parts are attributes."""
    assert str(CELL) == "column 'amount', row 3: wanted a number, got 'many'"
    assert (CELL.column, CELL.row, CELL.value, CELL.wanted) == ("amount", 3, "many", "a number")


def test_a_cell_type_error_tells_the_type() -> None:
    """The message of a cell of no kind has its column, row and type."""
    assert re.match(r"column 'amount', row 3: wanted .* string or a number.*dict", str(CELL_TYPE))


def test_a_cell_error_keeps_the_cell_as_it_was_given() -> None:
    """``value`` is the cell itself, for a cell of no kind too."""
    assert CELL_TYPE.value == {"a": 1}


@pytest.mark.parametrize(
    "error", [CELL, CELL_TYPE, InputError("x"), SchemaError("y")], ids=lambda error: type(error).__name__
)
def test_an_error_survives_a_journey(error: InputError) -> None:
    """An error that is raised in a worker process arrives as it left, and can be copied."""
    for arrived in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(arrived) is type(error)
        assert str(arrived) == str(error)
        assert vars(arrived) == vars(error)
