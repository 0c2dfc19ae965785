"""Fitting on batches: equal to a fit on all rows, and independent of the sizes of the batches."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from anomaly_vae import InputError, TabularVAEDetector
from anomaly_vae.errors import CellError, SchemaError
from anomaly_vae.streaming import fit_sample, sample_plan
from tests.anomaly_vae.conftest import mixed_table

Detector = partial(
    TabularVAEDetector, max_steps=3, hidden_sizes=(8,), validation_fraction=0.2, random_state=0
)


def cut(table: pd.DataFrame, size: int) -> Iterator[pd.DataFrame]:
    """Batches of a table."""
    return (table[start : start + size] for start in range(0, len(table), size))


def is_same(one: TabularVAEDetector, other: TabularVAEDetector, rows: pd.DataFrame) -> bool:
    same = np.array_equal(one.score_samples(rows), other.score_samples(rows)) and one.offset_ == other.offset_
    return same and np.array_equal(one.calibration_scores_, other.calibration_scores_)


@pytest.mark.parametrize(
    ("kind", "per"),
    [("frames", None), ("batches of arrow", "colour"), ("tables of arrow", None), ("arrays", "x0")],
)
def test_a_fit_on_batches_is_the_fit_on_all_rows(table, kind, per):
    """Bit for bit, for each kind of batch and of random state, if no row is dropped."""
    batches = list(cut(table, 130))
    if kind == "batches of arrow":
        batches = [pa.RecordBatch.from_pandas(batch, preserve_index=False) for batch in batches]
    elif kind == "tables of arrow":
        batches = [pa.Table.from_pandas(batch, preserve_index=False) for batch in batches]
    elif kind == "arrays":
        batches = [batch[["length", "weight", "note"]].to_numpy() for batch in batches]
        table = np.concatenate(batches)
    whole = Detector().fit(table)
    assert is_same(Detector().fit_stream(iter(batches), per=per), whole, table)


def test_a_generator_of_random_numbers_is_not_advanced(table):
    """The fit that follows is that of fit."""
    numbers = table[["length", "weight"]]
    whole = Detector(random_state=np.random.RandomState(3)).fit(numbers)
    streamed = Detector(random_state=np.random.RandomState(3)).fit_stream(cut(numbers, 50))
    assert is_same(streamed, whole, numbers)


@pytest.mark.parametrize("per", [None, "colour"])
def test_a_sample_does_not_depend_on_the_sizes_of_the_batches(table, per):
    """Another random state gives another sample."""
    first, second = (Detector().fit_stream(cut(table, size), per=per, n_rows=100) for size in (600, 37))
    assert is_same(first, second, table)
    assert first.training_["n_rows"] < 100
    other = Detector(random_state=1).fit_stream(cut(table, 600), per=per, n_rows=100)
    assert not is_same(first, other, table)


@pytest.mark.parametrize("per", [None, "colour"])
def test_parts_that_are_sampled_apart_give_the_fit_of_the_stream(table, per):
    """Other processes may sample them, and give them back in another order, in memory that is read-only."""
    plan = sample_plan(Detector(), per, 100)
    first, last = (
        plan.sample(cut(table[rows], 130), start=rows.start) for rows in (slice(0, 150), slice(150, 600))
    )
    merged = from_another_process(last)
    merged.merge(from_another_process(first))
    found = fit_sample(Detector(), from_another_process(merged))
    assert is_same(found, Detector().fit_stream([table], per=per, n_rows=100), table)


def from_another_process(sample):
    """A copy whose arrays are read-only, as Ray gives it."""
    buffers = []
    content = pickle.dumps(sample, protocol=5, buffer_callback=buffers.append)
    return pickle.loads(content, buffers=[bytes(buffer) for buffer in buffers])


def test_what_comes_once_in_a_stream_is_known():
    """A category, a boolean, and a number that is a category."""
    table = pd.DataFrame({"x": np.arange(3_000.0) % 97, "colour": "red", "ok": True, "store": 1})
    table.loc[2_000:, ["colour", "store"]] = ["blue", 2]
    table.loc[2_999, ["colour", "ok", "store"]] = ["mauve", False, 17]
    detector = Detector(column_kinds={"store": "categorical"}).fit_stream(cut(table, 250), n_rows=60)
    assert not detector.unseen(table[2_990:])
    strange = table[-1:].assign(colour="pink", store=18)
    assert set(detector.unseen(strange)) == {1, 3} or set(detector.unseen(strange)) == {"colour", "store"}


def test_rare_keys_are_trained_on_and_calibration_is_that_of_the_stream():
    """The share of flagged rows of the stream is the false-alarm rate, though training saw others."""
    random = np.random.default_rng(0)
    is_rare = random.random(20_000) < 0.01
    table = pd.DataFrame({"host": np.where(is_rare, "rare", "usual"), "x": random.normal(50 * is_rare, 1.0)})
    detector = Detector(novelty=True, max_steps=30).fit_stream(cut(table, 3_000), per="host", n_rows=4_000)
    assert len(detector.calibration_scores_) == 800
    flagged = detector.predict(table) == -1
    assert flagged.mean() == pytest.approx(detector.false_alarm_rate_, abs=0.008)
    uniform = Detector(novelty=True, max_steps=30).fit_stream(cut(table, 3_000), n_rows=4_000)
    rare = table[is_rare]
    assert detector.score_samples(rare).mean() - uniform.score_samples(rare).mean() > 0.5


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        (mixed_table(30, 0), "takes an iterable of tables, got one DataFrame; call fit"),
        (np.zeros((30, 2)), "takes an iterable of tables, got one ndarray; call fit"),
        (pa.table({"x": [1.0]}), "takes an iterable of tables, got one Table; call fit"),
        (None, "takes an iterable of tables, got one NoneType"),
        ([], "there are no batches; a generator gives its batches only once"),
        ([np.zeros((0, 2))], "the batches have no rows"),
        (
            [np.zeros((9, 2)), np.zeros((9, 3))],
            "batch 1: there is a column 'x2', which batch 0 does not have",
        ),
        (
            [np.zeros((9, 2)), np.zeros(9)],
            r"batch 1: wanted a table of rows and columns, got ndarray of shape",
        ),
        (
            [pd.DataFrame({"a": [1], "b": 2}), pd.DataFrame({"a": [1]})],
            "batch 1: there is no column 'b', whic",
        ),
        (
            [pd.DataFrame({"a": [1], "b": 2}), pd.DataFrame({"b": [1], "a": 2})],
            "batch 1: column 0 is 'b', and in batch 0 it is 'a'",
        ),
    ],
)
def test_batches_that_are_no_parts_of_one_table_are_refused(batches, words):
    with pytest.raises(InputError, match=words):
        Detector().fit_stream(batches)


def test_an_exhausted_generator_is_refused(table):
    """With the reason."""
    batches = cut(table, 300)
    Detector().fit_stream(batches)
    with pytest.raises(InputError, match="gives its batches only once"):
        Detector().fit_stream(batches)


def test_parameters_are_checked_before_the_stream_is_read():
    """Which may take hours."""

    def batches() -> Iterator[pd.DataFrame]:
        raise AssertionError("the stream is read")
        yield

    with pytest.raises(ValueError, match="max_steps"):
        Detector(max_steps=-1).fit_stream(batches())
    with pytest.raises(InputError, match="n_rows: wanted an integer of at least 20, got 3"):
        Detector().fit_stream(batches(), n_rows=3)
    with pytest.raises(SchemaError, match="per: 'host' is not a column of the batches: x0, x1"):
        Detector().fit_stream([np.zeros((5, 2))], per="host")


def test_an_error_in_a_cell_names_its_row_in_the_stream():
    """Also if other rows were dropped."""
    table = pd.DataFrame({"x": np.arange(500.0).astype(object), "y": 1.0 * (np.arange(500) % 7)})
    table.loc[450, "x"] = "many"
    with pytest.raises(CellError, match="row 450"):
        Detector(column_kinds={"x": "numeric"}).fit_stream(cut(table, 99), n_rows=40)


def test_rows_to_hold_out_can_be_given(table):
    """They calibrate, and no other row does."""
    held_out = np.arange(len(table)) % 3 == 0
    detector = Detector().fit(table, held_out=held_out)
    assert detector.training_["n_rows"] == (~held_out).sum()
    assert np.isin(detector.calibration_scores_, detector.score_samples(table[held_out])).all()
    assert len(detector.calibration_scores_) == held_out.sum() - (~held_out).sum() // 8
    weighted = Detector().fit(table, sample_weight=np.ones(len(table)), held_out=held_out)
    assert is_same(weighted, detector, table)
    share = Detector(contamination=0.1).fit(table, held_out=held_out)
    assert (detector.calibration_scores_ < share.offset_).mean() == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize(
    ("held_out", "words"),
    [
        (np.zeros(600, dtype=bool), "got 0 of 600 rows; hold out at least one"),
        (np.ones(600, dtype=bool), "got 600 of 600 rows; hold out at least one, but not all"),
        (np.zeros(5, dtype=bool), r"wanted one boolean per row, shape \(600,\), got bool of shape \(5,\)"),
        (np.zeros(600), "wanted one boolean per row"),
    ],
)
def test_wrong_rows_to_hold_out_are_refused(table, held_out, words):
    with pytest.raises(InputError, match=words):
        Detector().fit(table, held_out=held_out)
