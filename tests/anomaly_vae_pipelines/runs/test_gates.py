"""Conditions on metrics."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import UnknownNameError
from anomaly_vae_pipelines.runs.gates import parse_gate, problems

METRICS = ("recall", "false_alarms")
shares = st.floats(0, 1).map(lambda share: round(share, 6))


@given(shares, shares, st.sampled_from([">=", "<=", ">", "<"]))
def test_a_clause_compares_as_its_operator(value, limit, operator):
    """For every number, in plain or scientific notation."""
    wanted = {">=": value >= limit, "<=": value <= limit, ">": value > limit, "<": value < limit}[operator]
    for written in (f"{limit:f}", f"{limit:.12e}", f" {limit:f} "):
        gate = parse_gate(f"recall{operator}{written}", METRICS)
        assert [one.holds for one in gate.outcomes({"recall": value})] == [wanted]


@pytest.mark.parametrize(
    ("text", "limit"),
    [("old", 0.8), ("old-0.02", 0.78), ("old + .1", 0.9), ("old*0.5", 0.4), ("0.7", 0.7), ("-1", -1.0)],
)
def test_a_limit_may_depend_on_the_old_model(text, limit):
    """As a difference or as a factor."""
    (outcome,) = parse_gate(f"recall >= {text}", METRICS).outcomes({"recall": 0.8}, {"recall": 0.8})
    assert outcome.limit == pytest.approx(limit)
    assert outcome.holds == (limit <= 0.8)


def test_rounding_of_the_limit_fails_no_gate():
    """0.9 - 0.02 is not exactly 0.88."""
    gate = parse_gate("recall>=old-0.02,false_alarms<=old+0.2", METRICS)
    found = gate.outcomes({"recall": 0.88, "false_alarms": 0.3}, {"recall": 0.9, "false_alarms": 0.1})
    assert all(outcome.holds for outcome in found)


def test_each_clause_that_does_not_hold_is_a_problem():
    """With the value and the limit; a metric that is not defined does not hold."""
    gate = parse_gate("recall>=old-0.02,false_alarms<=0.01", METRICS)
    found = gate.outcomes({"recall": 0.5, "false_alarms": None}, {"recall": 0.9, "false_alarms": 0.0})
    assert problems(found) == [
        "the gate recall>=old-0.02 does not hold: it is 0.5, and the limit is 0.88",
        "the gate false_alarms<=0.01 does not hold: the metric is not defined for this data",
    ]
    (outcome,) = parse_gate("recall>=old", METRICS).outcomes({"recall": 0.5}, {"recall": None})
    assert "the metric of the old model is not defined" in problems([outcome])[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"gate '': wanted METRIC>=LIMIT"),
        ("recall", r"gate 'recall': wanted METRIC>=LIMIT"),
        ("recall==1", r"the operators are >= <= > <"),
        ("recall>=", r"wanted METRIC>=LIMIT"),
        ("recall>=0.9,", r"gate '': wanted"),
        ("recall>=1%", r"'1%' is not a valid limit"),
        ("recall>=old-", r"'old-' is not a valid limit"),
        ("recall>=nan", r"'nan' is not a valid limit"),
        ("recall>=__import__('os')", r"is not a valid limit"),
        ("recal>=0.9", r"there is no metric 'recal'; the metrics are recall, false_alarms; did you mean"),
    ],
)
def test_text_of_another_form_is_refused(text, message):
    """The message has the clause, what is wrong with it, and what exists."""
    with pytest.raises(InputError, match=message):
        parse_gate(text, METRICS)


def test_without_an_old_model_a_gate_has_numbers():
    """As for a single model."""
    with pytest.raises(InputError, match="there is no old model here"):
        parse_gate("recall>=old", METRICS, has_old=False)
    with pytest.raises(UnknownNameError):
        parse_gate("old>=recall", METRICS, has_old=False)


@given(st.text(max_size=40))
def test_any_text_is_a_gate_or_a_user_error(text):
    """Nothing else is raised."""
    with suppress(InputError):
        parse_gate(text, METRICS)
