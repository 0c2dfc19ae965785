"""partial_fit: laws of a detector that is fitted again as a stream goes on."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from anomaly_vae import InputError, TabularVAEDetector, load, save
from tests.anomaly_vae.conftest import mixed_table

SIZES = {"memory_rows": 300, "refit_every": 100}


def unfitted(**parameters: Any) -> TabularVAEDetector:
    settings = {"novelty": True, "max_steps": 20, "hidden_sizes": (8,), "validation_fraction": 0.25}
    return TabularVAEDetector(**(settings | {"random_state": 0} | parameters))


def rows(n_rows: int, seed: int, shift: float = 0.0) -> NDArray[np.float64]:
    """Three columns that depend on one number."""
    random = np.random.default_rng(seed)
    return random.normal(size=(n_rows, 1)) + 0.3 * random.normal(size=(n_rows, 3)) + shift


def rolled(*parts: Any, **parameters: Any) -> TabularVAEDetector:
    detector = unfitted(**parameters)
    for part in parts:
        detector.partial_fit(part, **SIZES)
    return detector


@pytest.fixture(scope="module")
def first() -> TabularVAEDetector:
    """After the first call; tests that go on take a copy."""
    return rolled(rows(200, 0))


def copied(detector: TabularVAEDetector) -> TabularVAEDetector:
    copy: TabularVAEDetector = pickle.loads(pickle.dumps(detector))
    return copy


def test_the_first_call_is_a_fit(first: TabularVAEDetector) -> None:
    """Its scores and threshold are those of ``fit``."""
    fitted = unfitted().fit(rows(200, 0))
    np.testing.assert_array_equal(first.score_samples(rows(50, 1)), fitted.score_samples(rows(50, 1)))
    assert first.offset_ == fitted.offset_


@pytest.mark.parametrize("as_frame", [False, True], ids=["array", "frame"])
def test_how_the_stream_is_divided_changes_nothing(as_frame: bool) -> None:
    """One call and many calls give the same detector, and rows that do not fill a block change nothing."""
    stream: Any = rows(450, 0)
    if as_frame:
        stream = pd.DataFrame(stream, columns=["a", "b", "c"])
    start, rest = stream[:200], stream[200:]
    at_once = rolled(start, rest)
    in_parts = rolled(start, rest[:30], rest[30:31], rest[31:170], rest[170:])
    shorter = rolled(start, rest[:200])
    for other in (in_parts, shorter):
        np.testing.assert_array_equal(at_once.score_samples(start), other.score_samples(start))
        np.testing.assert_array_equal(at_once.calibration_scores_, other.calibration_scores_)


def test_the_new_normal_is_learned(first: TabularVAEDetector) -> None:
    """Rows that were flagged become normal, at the false-alarm rate of the threshold."""
    moved = copied(first)
    assert (moved.predict(rows(200, 5, shift=8.0)) == -1).all()
    moved.partial_fit(rows(1500, 1, shift=8.0), **SIZES)
    assert (moved.predict(rows(1000, 2, shift=8.0)) == -1).mean() < 0.12


def test_a_category_that_is_new_is_learned() -> None:
    """The encoder is fitted again, too."""
    table = mixed_table(200, 0)
    detector = rolled(table)
    later = mixed_table(300, 1).assign(colour="violet")
    assert "colour" in detector.unseen(later)
    detector.partial_fit(later, **SIZES)
    assert "colour" not in detector.unseen(later)


def test_a_threshold_that_was_set_keeps_its_rule(first: TabularVAEDetector) -> None:
    """A rate stays the rate; without one the rule of the detector decides at each fit."""
    chosen = copied(first).set_threshold(false_alarm_rate=0.2)
    chosen.partial_fit(rows(100, 1), **SIZES)
    assert chosen.false_alarm_rate_ == 0.2
    automatic = copied(first).partial_fit(rows(100, 1), **SIZES)
    assert automatic.false_alarm_rate_ == unfitted().fit(rows(300, 0)).false_alarm_rate_


def test_verdicts_outlive_a_fit(first: TabularVAEDetector) -> None:
    """They are learned again, and rows that were judged anomalous leave the sample."""
    stream = rows(100, 1)
    stream[:8, 0] += 6
    judged = np.concatenate([stream[:8], rows(8, 3)])
    learned = copied(first).partial_fit(stream[:99], **SIZES).learn(judged, [-1] * 8 + [1] * 8)
    learned.partial_fit(stream[99:], **SIZES)
    assert learned.memory_.n_waiting == 0
    assert len(learned.verdicts_) == 16
    assert (learned.predict(judged[:8]) == -1).all()
    assert not (learned.memory_.rows[:, None] == judged[None, :8]).all(axis=2).any()
    assert len(learned.memory_) == 292
    times = learned.verdicts_.times
    np.testing.assert_array_equal(learned.partial_fit(rows(100, 4), **SIZES).verdicts_.times, times)


def test_forgotten_verdicts_are_not_learned_again(first: TabularVAEDetector) -> None:
    """The rows of the remaining verdicts stay with them."""
    learned = copied(first).learn(rows(6, 3), [1, 1, 1, -1, -1, -1])
    less = learned.forget([0, 3])
    np.testing.assert_array_equal(less.memory_.judged, rows(6, 3)[[1, 2, 4, 5]])
    assert learned.forget(last=6).memory_.judged is None
    assert len(learned.memory_.judged) == 6
    less.partial_fit(rows(100, 1), **SIZES)
    assert less.verdicts_.verdicts.tolist() == [1, 1, -1, -1]


def test_a_pickle_goes_on_as_the_detector_does(first: TabularVAEDetector) -> None:
    """The sample is in it."""
    one, other = copied(first), copied(copied(first))
    new = rows(120, 1)
    np.testing.assert_array_equal(
        one.partial_fit(new, **SIZES).score_samples(new), other.partial_fit(new, **SIZES).score_samples(new)
    )


def test_a_model_file_has_no_row_of_the_stream(first: TabularVAEDetector, path: Path) -> None:
    """It is the file of the detector without them, also in a Pipeline, and the detector keeps them."""
    save(first, path)
    assert not hasattr(load(path), "memory_")
    assert len(first.memory_) == 200
    np.testing.assert_array_equal(load(path).score_samples(rows(9, 1)), first.score_samples(rows(9, 1)))
    save(Pipeline([("scale", StandardScaler().fit(rows(50, 0))), ("detector", first)]), path)
    assert not hasattr(load(path)[-1], "memory_")


def test_a_detector_from_a_file_waits_for_as_many_rows_as_it_was_fitted_on(path: Path) -> None:
    """It is not replaced by one that has seen less."""
    save(unfitted(validation_fraction="auto").fit(rows(250, 0)), path)
    detector, new = load(path), rows(50, 1)
    before = detector.score_samples(new)
    np.testing.assert_array_equal(detector.partial_fit(rows(200, 2), **SIZES).score_samples(new), before)
    assert (detector.partial_fit(rows(100, 3), **SIZES).score_samples(new) != before).any()


def test_rows_that_come_one_by_one_after_a_fit_are_kept() -> None:
    """Before the sample has its first row, too: calls of any size give the same sample."""
    new = rows(130, 2)
    at_once = unfitted().fit(rows(50, 0)).partial_fit(new, **SIZES)
    in_parts = unfitted().fit(rows(50, 0))
    for part in np.array_split(new, 13):
        in_parts.partial_fit(part, **SIZES)
    assert (len(in_parts.memory_), in_parts.memory_.n_waiting) == (100, 30)
    np.testing.assert_array_equal(in_parts.score_samples(new), at_once.score_samples(new))


def test_fit_starts_anew(first: TabularVAEDetector) -> None:
    """The sample is dropped."""
    assert not hasattr(copied(first).fit(rows(100, 0)), "memory_")


def test_rows_that_cannot_be_scored_do_not_enter(first: TabularVAEDetector) -> None:
    """One unreadable cell would make every later fit fail."""
    detector = copied(first)
    with pytest.raises(InputError, match="x1"):
        detector.partial_fit(np.array([["1", "one", "1"]], dtype=object), **SIZES)
    assert detector.memory_.n_waiting == 0


def test_verdicts_without_their_rows_are_refused(path: Path) -> None:
    """A new fit could not keep them; the message says what to do, and it works."""
    learned = unfitted().fit(rows(200, 0)).learn(rows(4, 1), [1, 1, -1, -1])
    with pytest.raises(InputError, match=r"learned from 4 verdicts before partial_fit.*forget\(last=4\)"):
        learned.partial_fit(rows(10, 2))
    assert learned.forget(last=4).partial_fit(rows(10, 2)).memory_.n_waiting == 10


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"memory_rows": 19}, "memory_rows should be a whole number of rows, at least 20, got 19"),
        ({"refit_every": 0}, "refit_every should be a whole number of rows, at least 1, got 0"),
        ({"refit_every": 1.5}, "refit_every should be a whole number of rows, at least 1, got 1.5"),
    ],
)
def test_sizes_out_of_range_are_refused(sizes: dict[str, Any], message: str) -> None:
    """Before anything is fitted."""
    with pytest.raises(InputError, match=message):
        unfitted().partial_fit(rows(50, 0), **sizes)
