"""Online false-discovery control: a rule that keeps its state."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.rules.discovery_rules import last_possible
from anomaly_vae_pipelines.alerting.rules.levels import METHODS, Levels
from tests.anomaly_vae_pipelines.alerting.rules.test_levels import stream
from tests.anomaly_vae_pipelines.alerting.streams import alerter, parts, scored

FDR = '[[rule]]\nname = "odd"\nkind = "score"\nfdr = 0.1\ncooldown = "0s"\n'


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("cuts", [[], [1], [7, 8, 150], list(range(0, 300, 11))])
def test_a_restart_changes_nothing(tmp_path, name, cuts):
    """The rows are the same discoveries, however they are divided into runs."""
    p_values, _ = stream(1, 300)
    batch = scored([False] * 300, p_values=p_values.tolist())
    found = []
    for piece in parts(batch, cuts):
        current = alerter(tmp_path, FDR + f'method = "{name}"\n')
        found += [row.number for alert in current.observe(piece) for row in alert.rows]
        current.close(ended=False)
    wanted = np.flatnonzero(Levels(METHODS[name], 0.1).decide(p_values.tolist())) + 2
    assert found == wanted.tolist()
    assert len(found) > 5


def test_an_alert_names_the_rate(tmp_path):
    """In its sentence."""
    (alert,) = alerter(tmp_path, FDR).observe(scored([True], p_values=[1e-6]))
    assert alert.what.startswith("1 row at a false-discovery rate of 0.1: line 2")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("below = -3.0", "give only one of below, p_value, fdr"),
        ("p_value = 0.1", "give only one of below, p_value, fdr"),
        ("n = 3", "no key 'n'"),
        ('method = "bh"', "method must be one of lord\\+\\+, saffron"),
    ],
)
def test_one_condition_is_given(tmp_path, more, message):
    """A rate is one of them."""
    with pytest.raises(InputError, match=message):
        alerter(tmp_path, FDR + more + "\n")


def test_a_method_needs_a_rate(tmp_path):
    """Without one it would be ignored."""
    with pytest.raises(InputError, match="method goes with fdr"):
        alerter(tmp_path, FDR.replace("fdr = 0.1", 'method = "saffron"'))


@pytest.mark.parametrize(("second", "n_alerts"), [("lord++", 1), ("saffron", 0)])
def test_a_rule_starts_over_with_another_method(tmp_path, second, n_alerts):
    """Their levels are not comparable. LORD++ is the default, and goes on from a state without a name."""
    current = alerter(tmp_path, FDR)
    current.observe(scored([False] * 40, p_values=[1e-6] * 40))
    current.close(ended=False)
    current = alerter(tmp_path, FDR + f'method = "{second}"\n')
    p_value = 0.012  # above the first level of both methods
    assert len(current.observe(scored([False], p_values=[p_value]))) == n_alerts
    current.close()


def test_a_rule_that_soon_cannot_fire_is_refused(tmp_path):
    """With few held-out rows p-values are too large; an estimated tail has smaller ones."""
    scores = np.sort(np.random.default_rng(0).normal(size=500))
    with pytest.raises(InputError, match=r"fires no longer after 1 rows.*tail = 'gpd'"):
        alerter(tmp_path, FDR, calibration=scores)
    current = alerter(tmp_path, FDR + 'tail = "gpd"\n', calibration=scores)
    assert len(current.observe(scored([True], scores=[-60.0], p_values=[1 / 501]))) == 1
    with pytest.raises(InputError, match="fdr must be a number between 0 and 1"):
        alerter(tmp_path, FDR.replace("0.1", "1.5"))


@pytest.mark.parametrize("name", METHODS)
def test_the_last_row_that_can_be_found_grows_with_the_held_out_rows(name):
    """It is the row at which the level reaches the least p-value."""
    method = METHODS[name]
    found = [last_possible(method, 0.1, least) for least in (1.0, 1e-3, 1e-5, 1e-7)]
    assert found == sorted(found)
    assert found[0] == 0
    assert (1 - method.candidate) * 0.05 * method.shares(np.array([found[2]]))[0] >= 1e-5
