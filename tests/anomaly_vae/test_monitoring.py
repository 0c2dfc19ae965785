"""Drift of fitted detectors of tables, of their scorers, and of those that learned from verdicts."""

from __future__ import annotations

import json
from copy import copy
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from anomaly_vae import InputError, TableScorer, TabularVAEDetector, load_scorer, save
from anomaly_vae.drift import DriftMonitor
from anomaly_vae.errors import CellError
from tests.anomaly_vae.conftest import mixed_table


@pytest.fixture(scope="module")
def scorer(fitted: TabularVAEDetector, tmp_path_factory: pytest.TempPathFactory) -> TableScorer:
    """The scorer of a cross-fitted model."""
    path: Path = tmp_path_factory.mktemp("model") / "model.avae"
    save(fitted, path)
    return load_scorer(path)


def test_still_rows_have_not_drifted_from_a_cross_fitted_model(scorer):
    """The nats of a row are compared as those of one of the five models, not the largest."""
    report = scorer.drift(mixed_table(1_500, 1))
    assert not report.drifted
    assert abs(report.score.shift) < 0.2


def test_a_saved_model_and_its_scorer_report_what_the_detector_does(fitted, scorer):
    table = mixed_table(400, 2)
    table["weight"] += table["weight"].std()
    first, second = fitted.drift(table), scorer.drift(table)
    assert first.moved[0] == second.moved[0] == "weight"
    assert first.since == second.since < 400
    for ours, theirs in zip(first.columns, second.columns, strict=True):
        assert (ours.effect, ours.p_value, ours.since) == (theirs.effect, theirs.p_value, theirs.since)
        assert ours.nats == pytest.approx(theirs.nats, abs=1e-3)


def test_verdicts_do_not_change_what_rows_are_compared_with(scorer):
    table = mixed_table(300, 3)
    learned = scorer.learn(table[:6], [-1, -1, -1, 1, 1, 1])
    before, after = scorer.drift(table), learned.drift(table)
    assert [column.effect for column in before.columns] == [column.effect for column in after.columns]
    assert before.score.effect == after.score.effect


def test_scores_that_are_known_are_not_computed_again(scorer):
    table, reference = mixed_table(50, 4), scorer.drift_reference()
    computed = scorer.drift_rows(table, reference)
    given = scorer.drift_rows(table, reference, scores=scorer.score_samples(table))
    assert np.array_equal(computed.codes, given.codes)
    assert np.array_equal(computed.alerts, given.alerts)
    assert computed.n_alerts == given.n_alerts < 50
    assert scorer.drift_rows(table, reference, scores=np.full(50, scorer.offset_ - 1.0)).n_alerts == 50


def test_rows_can_be_given_bit_by_bit(scorer):
    table, reference = mixed_table(300, 4), scorer.drift_reference()
    monitor = DriftMonitor(reference, 0.01)
    for start in range(0, 300, 70):
        part = table[start : start + 70]
        monitor.add(scorer.drift_rows(part, reference, np.arange(start, start + len(part))))
    whole, parts = scorer.drift(table), monitor.report()
    assert [column.effect for column in whole.columns] == [column.effect for column in parts.columns]
    assert whole.alert_rate == parts.alert_rate
    assert [column.nats for column in whole.columns] == pytest.approx([c.nats for c in parts.columns])


def test_a_cell_that_cannot_be_read_is_named_by_its_row(scorer):
    table = mixed_table(5_000, 5)
    table["length"] = table["length"].astype(object)
    table.loc[4_500, "length"] = "long"
    with pytest.raises(CellError, match="4500"):
        scorer.drift(table)


def test_a_model_of_an_earlier_release_says_how_to_get_calibration_rows(scorer):
    earlier = scorer._copy()
    del earlier.learning_
    with pytest.raises(InputError, match="kept no calibration rows to compare with; fit it again"):
        earlier.drift(mixed_table(10, 6))


def test_extreme_calibration_rows_of_a_file_give_a_report(scorer):
    """Whatever passes the checks of a file: no warning, and only finite numbers."""
    forged = scorer._copy()
    state = scorer.learning_.state
    features = np.where(state.calibration.features > 0, 1e3, -1e3).astype(np.float32)
    calibration = replace(state.calibration, features=features)
    forged.learning_ = copy(scorer.learning_)
    forged.learning_.state = replace(state, calibration=calibration)
    forged.training_ = {"n_rows": -1e300}
    report = forged.drift(mixed_table(300, 7))
    json.dumps(asdict(report), allow_nan=False)
    assert report.drifted


def test_the_rate_is_checked(scorer):
    with pytest.raises(InputError, match="rate must be between 0 and 1, got 2"):
        scorer.drift(mixed_table(10, 6), rate=2)
