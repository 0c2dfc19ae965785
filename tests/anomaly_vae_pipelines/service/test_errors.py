"""Errors of requests: their statuses, headers and messages."""

from __future__ import annotations

from anomaly_vae_pipelines.service import errors
from anomaly_vae_pipelines.service.errors import MOST_NAMED, RefusedRowsError, ServiceError, UnknownModelError


def test_statuses_are_those_of_the_tree_in_the_docstring() -> None:
    """Which is what a reader looks at first."""
    lines = [line.split("──")[1].split()[:2] for line in (errors.__doc__ or "").splitlines() if "──" in line]
    classes = {kind.__name__: str(kind.status) for kind in ServiceError.__subclasses__()}
    assert dict(lines) == classes


def test_refused_rows_are_counted_and_the_first_are_named() -> None:
    problems = [(row, f"problem {row}") for row in range(3, 30)]
    error = RefusedRowsError(100, problems, "line")
    assert str(error) == "27 of 100 rows cannot be read, the first is line 3: problem 3"
    named = error.first_problems()
    assert len(named) == MOST_NAMED
    assert named[0] == {"line": 3, "problem": "problem 3"}
    assert "1 of 2 rows cannot" in str(RefusedRowsError(2, problems[:1]))


def test_an_unknown_name_gets_the_nearest_or_all_known_names() -> None:
    assert "did you mean 'orders'?" in str(UnknownModelError("model", "order", ["orders", "plates"]))
    assert "there is orders, plates" in str(UnknownModelError("model", "zzz", ["orders", "plates"]))
    assert "there is none" in str(UnknownModelError("model", "zzz", []))
