"""A rule that can never fire for a model is refused when it is read, with the ways out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import comb

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.rules.drift import Reference
from tests.anomaly_vae_pipelines.alerting.streams import alerter, scored

SCORES = -np.arange(1.0, 37.0)
"""Of a model with 36 held-out rows: no p-value is less than 1/37."""

RULE = '[[rule]]\nname = "odd"\n'


@pytest.mark.parametrize(
    ("kind", "p_value", "least"),
    [
        ('kind = "score"\n', "1e-4", "0.0271"),
        ('kind = "run"\nk = 2\nn = 5\n', "0.027", "0.0271"),
        ('kind = "share"\nshare = 0.5\n', "0.02", "0.0271"),
    ],
)
def test_a_p_value_that_no_row_can_have_is_refused(tmp_path, kind, p_value, least):
    """The line names the rule, what can be reached, and three ways out; the first of them works."""
    with pytest.raises(InputError) as caught:
        alerter(tmp_path, f"{RULE}{kind}p_value = {p_value}\n", calibration=SCORES)
    text = str(caught.value)
    assert "rules.toml, rule 1 'odd': can never fire" in text
    assert "36 held-out rows" in text
    assert f"Give p_value = {least} or more" in text
    assert 'tail = "gpd"' in text
    assert "\n" not in text
    alerter(tmp_path, f"{RULE}{kind}p_value = {least}\n", calibration=SCORES)


def test_the_rows_that_a_refusal_asks_for_are_enough(tmp_path):
    """A model with as many held-out rows as the message names takes the rule."""
    rule = RULE + 'kind = "score"\np_value = 1e-3\n'
    with pytest.raises(InputError, match="999 held-out rows"):
        alerter(tmp_path, rule, calibration=SCORES)
    alerter(tmp_path, rule, calibration=-np.arange(999.0))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('kind = "score"\np_value = 0\n', "p_value = 0 is less than any p-value"),
        ('kind = "score"\np_value = 0\ntail = "gpd"\n', "p_value = 0 is less than any p-value"),
        ('kind = "score"\nbelow = -inf\n', "no score is below -inf"),
        ('kind = "score"\n', "the threshold of the model flags no row"),
        ('kind = "share"\nshare = 0.1\n', "the threshold of the model flags no row"),
        ('kind = "drift"\np_value = 0\n', "p_value = 0 is less than any p-value"),
        ('kind = "drift"\nwindow = 1\n', "no p-value less than"),
        ('kind = "silence"\nafter = "8d"\nkey = ["host"]\n', "forgotten after 7d"),
    ],
)
def test_every_rule_that_cannot_fire_is_refused(tmp_path, rule, message):
    """By a rate, a window or a duration that nothing can reach."""
    calibration = -np.arange(1.0, 101.0)
    with pytest.raises(InputError, match=f"rule 1 'odd': can never fire, because .*{message}"):
        alerter(tmp_path, RULE + rule, calibration=calibration, offset=float("-inf"))


def test_a_rule_without_a_model_is_not_judged(tmp_path):
    """Where nothing is known of held-out rows, nothing is known of what they can show."""
    alerter(tmp_path, RULE + 'kind = "score"\np_value = 1e-9\n')


def test_a_tail_without_scores_of_calibration_is_refused(tmp_path):
    """There is nothing to estimate it from, and without it no row would ever count."""
    rule = RULE + 'kind = "score"\np_value = 1e-4\ntail = "gpd"\n'
    with pytest.raises(InputError, match="rule 1 'odd': tail = 'gpd' needs scores of calibration"):
        alerter(tmp_path, rule)


def test_an_estimated_tail_reaches_smaller_p_values(tmp_path):
    """With tail = "gpd", rows far below all held-out rows count, and the alert says the estimate."""
    draw = np.random.default_rng(0)
    calibration = np.sort(-draw.exponential(size=200))
    rule = RULE + 'kind = "score"\np_value = 1e-4\n'
    with pytest.raises(InputError, match="can never fire"):
        alerter(tmp_path, rule, calibration=calibration)
    current = alerter(tmp_path, rule + 'tail = "gpd"\n', calibration=calibration)
    lowest = float(calibration[0])
    scores, p_values = [lowest - 0.1, lowest - 40.0, 0.0], [1 / 201, 1 / 201, 1.0]
    (alert,) = current.observe(scored([True, True, False], scores=scores, p_values=p_values))
    assert (alert.n_rows, alert.first) == (1, 3)
    assert 0 < alert.p_value <= 1e-4
    assert alert.what.startswith("1 row with p-value up to 0.0001, estimated: line 3 at ")


def test_an_estimated_tail_goes_with_a_p_value_and_enough_rows(tmp_path):
    """Anything else is a mistake, told with the rule."""
    with pytest.raises(InputError, match=r"rule 1 'odd': tail goes with p_value"):
        alerter(tmp_path, RULE + 'kind = "score"\ntail = "gpd"\n', calibration=SCORES)
    with pytest.raises(InputError, match=r"rule 1 'odd': a tail of 36 held-out rows cannot be estimated"):
        alerter(tmp_path, RULE + 'kind = "score"\np_value = 1e-4\ntail = "gpd"\n', calibration=SCORES)


def test_the_least_p_value_of_a_drift_is_that_of_separate_samples():
    """Two of all the ways to choose the window's scores; a window that lies apart has it, not 0."""
    reference = Reference(SCORES)
    assert reference.least_p_value(5) == pytest.approx(2 / comb(41, 5))
    assert reference.least_p_value(1) == pytest.approx(2 / 37)
    drift = reference.compare(reference.count(np.full(5, -1000.0)))
    assert (drift.effect, drift.p_value) == (1.0, pytest.approx(2 / comb(41, 5)))
