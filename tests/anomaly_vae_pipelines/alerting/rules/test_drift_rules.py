"""Rules that find the row after which a stream is no longer like calibration."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.rules.base import RuleOptions
from anomaly_vae_pipelines.alerting.rules.drift_rules import StreamDriftRule
from tests.anomaly_vae.conftest import mixed_table
from tests.anomaly_vae.drift.references import reference, rows
from tests.anomaly_vae_pipelines.alerting.streams import alerter, delivered, part, scored

RULE = '[[rule]]\nname = "drift"\nkind = "drift"\n'


def batch_of(table: pd.DataFrame, start: int = 2, **columns):
    """Scored rows that were compared with the calibration rows."""
    return replace(scored([False] * len(table), start=start, **columns), drift=rows(table, start))


def cut(batch, start: int, stop: int):
    """Some of the rows, as a batch of their own."""
    drift = replace(batch.drift, codes=batch.drift.codes[start:stop])
    return replace(part(batch, start, stop), drift=drift)


def moved(n_rows: int, seed: int) -> pd.DataFrame:
    """Rows of which one column moved by two standard deviations."""
    table = mixed_table(n_rows, seed)
    table["length"] += 2 * table["length"].std()
    return table


def make(folder, rule: str = RULE, **options):
    return alerter(folder, rule, calibration_rows=reference, state=None, **options)


def test_it_is_the_default_of_models_with_calibration_rows(tmp_path):
    current = make(tmp_path)
    assert current.calibration_rows is not None
    current.release()
    for keys in ("window = 12", "least = 12", "effect = 0.2", "p_value = 0.5"):
        window = make(tmp_path, f"{RULE}{keys}\n", calibration=np.arange(50.0))
        assert window.calibration_rows is None, keys
        window.release()


def test_still_rows_raise_no_alert(tmp_path):
    assert make(tmp_path).observe(batch_of(mixed_table(3_000, 21))) == []


def test_the_alert_names_the_row_and_the_column(tmp_path):
    table = pd.concat([mixed_table(500, 22), moved(200, 23)], ignore_index=True)
    (alert,) = make(tmp_path).observe(batch_of(table))
    assert alert.what.startswith("rows drifted from calibration in length (values), found after 5")
    assert alert.kind == "drift"
    assert alert.columns[0].column == "length"
    assert (alert.first, alert.p_value, alert.rows) == (2, 0.01, ())
    assert 500 < alert.measures["rows"] <= 540


@pytest.mark.parametrize("cuts", [[1], [499, 503, 510], [*range(100, 700, 100)]])
def test_alerts_do_not_depend_on_batches_nor_on_restarts(tmp_path, cuts):
    """The state is JSON, and is restored before each batch."""
    batch = batch_of(pd.concat([mixed_table(500, 22), moved(200, 23)], ignore_index=True))
    whole = make(tmp_path).observe(batch)
    state, found = None, []
    for start, stop in zip([0, *cuts], [*cuts, 700], strict=True):
        current = make(tmp_path)
        if state is not None:
            current.set_state(json.loads(state))
        found += current.observe(cut(batch, start, stop))
        state = json.dumps(current.get_state())
        current.release()
    assert [(one.id, one.what, one.measures) for one in found] == [
        (one.id, one.what, one.measures) for one in whole
    ]


def test_it_starts_again_after_an_alarm(tmp_path):
    """Without a cool-down each start raises an alert, and they follow one another."""
    current = make(tmp_path, RULE + 'cooldown = "0s"\n')
    found = current.observe(batch_of(moved(300, 24)))
    assert len(found) > 3
    assert [one.first for one in found[1:]] == [one.last + 1 for one in found[:-1]]


def test_each_value_of_the_key_is_a_stream_of_its_own(tmp_path):
    table = pd.concat([mixed_table(200, 25), moved(200, 26)], ignore_index=True)
    batch = batch_of(table, host=["still"] * 200 + ["moved"] * 200)
    (alert,) = make(tmp_path, RULE + 'key = ["host"]\n').observe(batch)
    assert alert.key == {"host": "moved"}
    assert alert.first == 202
    assert alert.measures["rows"] < 50


def test_delivered_alerts_can_be_read_back(tmp_path):
    current = make(tmp_path)
    current.observe(batch_of(moved(100, 27)))
    current.close()
    assert delivered(tmp_path)[0].measures["rows"] < 100


def test_the_state_of_another_model_is_not_used():
    """The settings differ if the calibration rows do."""
    options = RuleOptions("drift")
    other = StreamDriftRule(options, reference(), 0.02)
    assert StreamDriftRule(options, reference(), 0.01).settings != other.settings
    assert "at most 2 %" in other.false_alarms


def test_rows_that_were_not_compared_count_for_nothing(tmp_path):
    assert make(tmp_path).observe(scored([False] * 10)) == []


@pytest.mark.parametrize("keys", ["rate = 0.0", "rate = 1.0", "rate = 0.1\nwindow = 5"])
def test_a_rate_is_between_0_and_1_and_has_no_window(tmp_path, keys):
    with pytest.raises(InputError, match="rate"):
        make(tmp_path, f"{RULE}{keys}\n")


def test_a_rate_needs_calibration_rows(tmp_path):
    """Models of images and of earlier releases have none; without a rate they keep the former rule."""
    with pytest.raises(InputError, match="rate needs the calibration rows of a model of a table"):
        alerter(tmp_path, RULE + "rate = 0.1\n", state=None, calibration=np.arange(50.0))
    former = alerter(tmp_path, RULE, state=None, calibration=np.arange(50.0))
    assert former.calibration_rows is None
