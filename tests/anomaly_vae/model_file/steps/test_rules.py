"""Rules: which values they accept, and that sizes agree within a step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anomaly_vae import ModelFileError
from anomaly_vae.model_file.steps import rules
from anomaly_vae.model_file.steps.rules import Context, Rule
from anomaly_vae.model_file.tree import Described


def shown(value: Any) -> str:
    """The name of a rule, or a value."""
    return value.__qualname__.partition(".")[0] if callable(value) else repr(value)[:30]


def context(**sizes: int) -> Context:
    return Context(lambda described: described.name, dict(sizes))


ACCEPTED: list[tuple[Rule, Any]] = [
    (rules.array("n"), np.zeros(2)),
    (rules.array("* n", "U"), np.array([["a", "b"]])),
    (rules.positions("*", "n"), np.array([0, 1])),
    (rules.name, "a" * rules.MAX_NAME),
    (rules.size("n"), 2),
    (rules.count, np.float64(3.0)),
    (rules.number, -1.5),
    (rules.boolean, True),
    (rules.plain, float("inf")),
    (rules.values, [(1, "a"), [None]]),
    (rules.always("auto"), "auto"),
    (rules.maybe(rules.count), None),
    (rules.either(rules.boolean, rules.name), "a"),
    (rules.list_of(rules.count, length="n"), [1, 2]),
    (rules.tuple_of(rules.name, rules.count), ("a", 1)),
    (rules.tuple_like(rules.count), (1, 2, 3)),
    (rules.dict_of(rules.name, rules.count), {"a": 1}),
    (rules.dtype, np.dtype("f4")),
]

REJECTED: list[tuple[Rule, Any, str]] = [
    (rules.array("n"), np.zeros(3), "has size 3, but 2 elsewhere"),
    (rules.array("n"), np.zeros((2, 1)), "is not an array of 1 dimensions"),
    (rules.array("n"), [0.0, 0.0], "is not an array"),
    (rules.array("n"), np.array([0.0, np.nan]), "holds NaN"),
    (rules.array("n", nan=True), np.array([0.0, np.inf]), "holds infinite numbers"),
    (rules.array("n"), np.zeros(2, dtype=object), "is not an array"),
    (rules.positions("*", "n"), np.array([2]), "positions outside 0 to 1"),
    (rules.positions("*", "n"), np.array([-1]), "positions outside 0 to 1"),
    (rules.names("n"), np.array(["a", 1], dtype=object), "is not a text"),
    (rules.name, "a" * (rules.MAX_NAME + 1), "is not a text of at most"),
    (rules.name, "\ud800", "is not a text"),
    (rules.size("n"), 3, "has size 3, but 2 elsewhere"),
    (rules.count, -1, "is not a whole number of at least 0"),
    (rules.count, np.float64(1.5), "is not a whole number of at least 0"),
    (rules.count, True, "is not a whole number"),
    (rules.number, float("nan"), "is not a finite number"),
    (rules.boolean, 1, "is not True or False"),
    (rules.plain, [], "is not a plain value"),
    (rules.values, [[{}]], "is not a plain value"),
    (rules.always(None), False, "is not None"),
    (rules.always(1), True, "is not 1"),
    (rules.either(rules.boolean, rules.count), "a", "is not a whole number"),
    (rules.list_of(rules.count), (1,), "is not a list"),
    (rules.list_of(rules.count, length="n"), [1], "has size 1, but 2 elsewhere"),
    (rules.tuple_of(rules.count), (1, 2), "is not a tuple of 1"),
    (rules.tuple_like(rules.count), [1], "is not a tuple"),
    (rules.dict_of(rules.name, rules.count), {1: 1}, "is not a text"),
    (rules.step(), "StandardScaler", "is not a step"),
    (rules.step("PCA"), Described("sklearn.preprocessing.Binarizer", {}), "is not a PCA, but a Binarizer"),
    (rules.dtype, np.dtype("V8"), "is a dtype that no step has"),
    (rules.dtype, np.dtype("U100000"), "is a dtype that no step has"),
]


@pytest.mark.parametrize(("rule", "value"), ACCEPTED, ids=shown)
def test_a_value_that_follows_its_rule_is_not_changed(rule: Rule, value: Any) -> None:
    """Neither in a step with two columns nor when it is checked again."""
    sizes = context(n=2)
    np.testing.assert_equal(rule(rule(value, sizes), sizes), value)


@pytest.mark.parametrize(("rule", "value", "reason"), REJECTED, ids=shown)
def test_a_value_that_does_not_is_rejected_with_the_reason(rule: Rule, value: Any, reason: str) -> None:
    """In a step with two columns."""
    with pytest.raises(ModelFileError, match=reason):
        rule(value, context(n=2))


def test_the_first_array_sets_the_size_of_a_letter() -> None:
    """A star has no size."""
    sizes = context()
    rules.array("k * *")(np.zeros((3, 4, 5)), sizes)
    assert sizes.sizes == {"k": 3}


def test_some_values_are_replaced() -> None:
    """A step by the one that is built of it, and a parameter that a file may not set."""
    assert rules.step("Binarizer")(Described("a.Binarizer", {}), context()) == "a.Binarizer"
    assert rules.replaced_by(None)("anything", context()) is None


def test_a_value_in_a_message_is_short() -> None:
    """Whatever a file holds."""
    for value in (
        "a" * 10**6,
        [0] * 10**6,
        {1: "a" * 10**6},
        np.zeros(10**6),
        10**4000,
        Described("a.b" * 9, {}),
    ):
        assert len(rules.shown(value)) < 80
