"""The branch of the exception tree that belongs to the applications."""

from __future__ import annotations

import pickle

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import (
    DeliveryError,
    OutputExistsError,
    SourceError,
    UnknownNameError,
    nearest,
)


@pytest.mark.parametrize(
    ("name", "expected"), [("amuont", "amount"), ("AMOUNT", "amount"), ("color", "colour"), ("xyz", None)]
)
def test_nearest_name_is_similar_or_none(name, expected):
    """Case doesn't count; what is like nothing suggests nothing."""
    assert nearest(name, ["amount", "colour"]) == expected


def test_an_unknown_name_suggests_the_nearest():
    """The suggestion ends the message."""
    assert str(UnknownNameError("no 'col1'", "col1", ["col2"])) == "no 'col1'; did you mean 'col2'?"
    assert str(UnknownNameError("no 'q'", "q", ["a2"])) == "no 'q'"


def test_a_source_error_names_file_and_line():
    """Users' mistakes share the library's base."""
    error = SourceError("a.csv", 3, "is bad")
    assert str(error) == "a.csv, line 3: is bad"
    assert isinstance(error, InputError)


@pytest.mark.parametrize(
    "error",
    [
        SourceError("a.csv", 3, "is bad"),
        UnknownNameError("no 'col1'", "col1", ["col2"]),
        OutputExistsError("a.csv"),
        DeliveryError("refused", final=True),
    ],
)
def test_an_error_comes_whole_from_another_process(error):
    """Workers of an engine send their errors to the driver."""
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
