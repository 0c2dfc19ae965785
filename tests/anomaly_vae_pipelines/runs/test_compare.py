"""Comparison of two models on the same rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import spearmanr

from anomaly_vae import InputError, load, save
from anomaly_vae_pipelines.records import Label
from anomaly_vae_pipelines.runs.compare import compare_models
from anomaly_vae_pipelines.runs.evaluate import evaluate_file
from anomaly_vae_pipelines.runs.learn import learn_file
from anomaly_vae_pipelines.scoring.model_files import open_model
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, read_rows, read_table, write_table

LABEL = Label("label", "good")


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Rows with verdicts: each tenth row is anomalous."""
    rows = [[*row, "anomalous" if row[-1] == "bad" else "normal"] for row in orders(30, 5)]
    return write_table(tmp_path_factory.mktemp("judged") / "verdicts.csv", [*COLUMNS, "verdict"], rows)


@pytest.fixture(scope="module")
def learned(tmp_path_factory, model, judged):
    """Another model of the same columns."""
    path = str(tmp_path_factory.mktemp("learned") / "learned.avae")
    learn_file(model, judged, path)
    return path


def test_a_model_does_not_differ_from_itself(model, unseen):
    """The ranks are equal, and so are the alerts."""
    opened = open_model(model)
    found = compare_models(opened, opened, unseen, LABEL)
    assert found.rank_correlation == pytest.approx(1.0)
    assert (found.n_only_old, found.n_only_new) == (0, 0)
    assert found.old == found.new
    assert found.n_both == found.new.n_alerts > 0


def test_the_numbers_are_those_of_each_model(model, learned, unseen):
    """Scores, alerts and measures of each side are what the model gives on its own."""
    models = open_model(model), open_model(learned)
    found = compare_models(*models, unseen, LABEL, n_examples=40)
    frame = read_table(unseen)[load(model).feature_names_in_.tolist()]
    scores = [one.model.score_samples(frame) for one in models]
    assert found.rank_correlation == pytest.approx(spearmanr(*scores).statistic)
    flags = [values < one.detector.offset_ for values, one in zip(scores, models, strict=True)]
    assert found.n_both == (flags[0] & flags[1]).sum()
    assert found.n_only_old == (flags[0] & ~flags[1]).sum()
    assert found.n_only_new == (~flags[0] & flags[1]).sum()
    for side, one in zip([found.old, found.new], models, strict=True):
        assert side.known == evaluate_file(one, unseen, LABEL)
        assert side.metrics["alerts"] == side.n_alerts / 40


def test_examples_are_rows_of_their_group(model, learned, unseen):
    """With both scores, the label and reasons; the lowest score of the model that flags them is first."""
    opened = replace(open_model(learned))
    opened.detector.offset_ = 1e9  # flags all rows
    found = compare_models(open_model(model), opened, unseen, LABEL, n_examples=5)
    assert found.n_both + found.n_only_new == 40
    assert found.only_old == []
    assert len(found.only_new) == 5
    labels = {f"line {number}": row["label"] for number, row in enumerate(read_rows(unseen), 2)}
    for example in [*found.both, *found.only_new]:
        assert example.reasons
        assert example.kind == ("normal" if labels[example.row] == "good" else "anomalous")
    scores = [example.new for example in found.only_new]
    assert scores == sorted(scores)
    back = compare_models(opened, open_model(model), unseen, n_examples=5)
    assert [example.row for example in back.only_old] == [example.row for example in found.only_new]


def test_verdicts_are_known_rows(model, learned, unseen, judged):
    """Alone or with labels; the alerts are counted over the data only."""
    models = open_model(model), open_model(learned)
    alone = compare_models(*models, unseen, verdicts=judged)
    assert (alone.new.known.n_normal, alone.new.known.n_anomalous) == (27, 3)
    together = compare_models(*models, unseen, LABEL, judged)
    assert (together.new.known.n_normal, together.new.known.n_anomalous) == (36 + 27, 4 + 3)
    assert together.new.n_rows == alone.new.n_rows == 40


def test_a_measure_without_rows_of_a_kind_is_not_defined(tmp_path, model, unseen):
    """Rows that are all normal give a false-alarm rate and no recall."""
    rows = [[*row, "normal"] for row in orders(5, 6)]
    verdicts = write_table(tmp_path / "v.csv", [*COLUMNS, "verdict"], rows)
    metrics = compare_models(open_model(model), open_model(model), unseen, verdicts=verdicts).metrics
    assert metrics["recall"] is metrics["auroc"] is None
    assert metrics["false_alarms"] is not None


def test_equal_scores_have_no_rank_correlation(tmp_path, model):
    """One row ranks nothing."""
    one = write_table(tmp_path / "one.csv", COLUMNS, orders(1))
    assert compare_models(open_model(model), open_model(model), one).rank_correlation is None


def test_data_that_say_nothing_are_refused(tmp_path, model, image_model, unseen, plates):
    """No rows, no known rows, and models of different kinds."""
    opened, images = open_model(model), open_model(image_model)
    empty = write_table(tmp_path / "empty.csv", COLUMNS, [])
    with pytest.raises(InputError, match="has no rows"):
        compare_models(opened, opened, empty)
    unlabelled = write_table(tmp_path / "u.csv", COLUMNS, [[*row[:-1], ""] for row in orders(3)])
    with pytest.raises(InputError, match="no row is known"):
        compare_models(opened, opened, unlabelled, LABEL)
    with pytest.raises(InputError, match="was fitted on images, and .* on a table"):
        compare_models(images, opened, unseen)
    with pytest.raises(InputError, match="without labels or verdicts"):
        compare_models(images, images, str(plates), LABEL)


def test_models_of_images_are_compared_too(image_model, plates):
    """An example is a file."""
    opened = open_model(image_model)
    found = compare_models(opened, opened, str(plates / "test" / "spot"), n_examples=1)
    assert found.new.n_rows > 0
    assert all(example.row.endswith(".png") for example in found.both)


def test_models_that_read_different_rows_are_refused(tmp_path, run):
    """For one of them, the first line has names; for the other, it is a row."""
    config, rows = tmp_path / "plain.toml", [[row[3], row[6]] for row in orders(60, 7)]
    config.write_text(
        "[detector]\nmax_steps = 2\nvalidation_fraction = 0.5\nhidden_sizes = [4]\nlatent_dim = 1\n"
    )
    names = ["column_1", "column_2"]
    tables = {
        "--header": write_table(tmp_path / "with.csv", names, rows),
        "--no-header": write_table(tmp_path / "without.csv", rows[0], rows[1:]),
    }
    for option, table in tables.items():
        fitted = run("fit", table, "-o", str(tmp_path / option), "--config", str(config), option)
        assert fitted.code == 0, fitted.err
    models = [open_model(str(tmp_path / option)) for option in tables]
    with pytest.raises(InputError, match="reads 60 rows, and .* reads 61 rows; state how it is written"):
        compare_models(*models, tables["--header"])


def test_a_saved_copy_compares_as_equal(tmp_path, model, unseen):
    """The comparison is about scores, not files."""
    save(load(model), str(tmp_path / "copy.avae"))
    found = compare_models(open_model(model), open_model(str(tmp_path / "copy.avae")), unseen)
    assert found.old.n_alerts == found.new.n_alerts
    assert found.old.known is None
