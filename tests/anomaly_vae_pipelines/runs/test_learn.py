"""Saving a model that learned from a file of verdicts."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae import InputError, TableScorer, load, load_scorer, save
from anomaly_vae.model_file.pipeline import Pipeline
from anomaly_vae_pipelines.runs.learn import learn_file
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, read_rows, read_table, write_table


def judged(path, verdicts):
    """The first rows of a table with verdicts."""
    rows = [[*row, verdict] for row, verdict in zip(orders(len(verdicts), 2), verdicts, strict=True)]
    return write_table(path, [*COLUMNS, "verdict"], rows)


def test_a_model_learns_what_the_detector_does(tmp_path, model):
    """From the judged rows only; the words and the numbers mean the same."""
    output = str(tmp_path / "learned.avae")
    source = judged(tmp_path / "verdicts.csv", ["normal", "", "Anomalous", "-1", "1", "NA", "+1"])
    learned = learn_file(model, source, output)
    assert (learned.n_verdicts, learned.n_remembered, learned.n_ignored) == (5, 5, 2)
    assert (learned.anomalous.n_rows, learned.normal.n_rows) == (2, 3)
    scorer, before = load_scorer(output), load_scorer(model)
    assert isinstance(scorer, TableScorer)
    frame = read_table(source)[scorer.feature_names_in_.tolist()]
    wanted = before.learn(frame.iloc[[0, 2, 3, 4, 6]], [1, -1, -1, 1, 1])
    np.testing.assert_array_equal(scorer.score_samples(frame), wanted.score_samples(frame))
    assert (learned.offset, learned.former_offset) == (wanted.offset_, before.offset_)
    assert learned.calibration.n_rows == len(scorer.calibration_scores_)


def test_rows_that_are_judged_both_ways_are_counted(tmp_path, model):
    """In one warning; a row that is judged twice alike is none of them, and empty cells are equal."""
    row, empty, other = orders(3, 2)
    empty = [empty[0], "", *empty[2:]]
    rows = [[*row, "normal"], [*row, "-1"], [*empty, "1"], [*other, "1"], [*other, "1"], [*empty, "-1"]]
    source = write_table(tmp_path / "verdicts.csv", [*COLUMNS, "verdict"], rows)
    with pytest.warns(UserWarning, match="2 rows are judged both normal and anomalous; each verdict counts"):
        learned = learn_file(model, source, str(tmp_path / "learned.avae"))
    assert learned.n_verdicts == 6


def test_verdicts_add_up_over_files(tmp_path, model):
    """The output of one run is the model of the next, also under the same name."""
    path = str(tmp_path / "learned.avae")
    learn_file(model, judged(tmp_path / "a.csv", ["normal", "anomalous"]), path)
    again = learn_file(path, judged(tmp_path / "b.csv", ["", "", "1", "-1"]), path, force=True)
    assert (again.n_verdicts, again.n_remembered) == (2, 4)


def test_the_last_step_of_a_pipeline_learns(tmp_path, model):
    """The other steps stay."""
    chain, path = str(tmp_path / "chain.avae"), str(tmp_path / "learned.avae")
    save(Pipeline([("detector", load(model))]), chain)
    learn_file(chain, judged(tmp_path / "a.csv", ["normal", "anomalous"]), path)
    again = load(path)
    assert [name for name, _ in again.steps] == ["detector"]
    assert len(again[-1].verdicts_) == 2


@pytest.mark.parametrize(
    ("verdicts", "message"),
    [
        (["normal", "maybe"], r"line 3: column 'verdict': wanted normal or anomalous .* got 'maybe'"),
        (["", ""], "column 'verdict' is empty"),
    ],
)
def test_a_verdict_that_is_not_clear_is_named(tmp_path, model, verdicts, message):
    """With its line; no model is written."""
    output = tmp_path / "learned.avae"
    with pytest.raises(InputError, match=message):
        learn_file(model, judged(tmp_path / "a.csv", verdicts), str(output))
    assert not output.exists()


def test_a_file_without_the_column_is_refused(tmp_path, model, unseen):
    """The message names it."""
    with pytest.raises(InputError, match="no column 'verdict', of verdicts; name it with --verdict"):
        learn_file(model, unseen, str(tmp_path / "learned.avae"))
    assert "verdict" not in read_rows(unseen)[0]
