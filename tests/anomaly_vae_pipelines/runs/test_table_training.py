"""The model and the rows of a fit on a table."""

from __future__ import annotations

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import UnknownNameError
from anomaly_vae_pipelines.records import Label
from anomaly_vae_pipelines.runs.fit import fit_file
from anomaly_vae_pipelines.runs.table_training import TableTraining
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table


def test_the_training_data_are_the_features_of_normal_rows(train):
    """The label and the columns left out are not features; a tenth of the rows is not normal."""
    data = TableTraining(train, Label("label", "good"), ["code"], {}, "tabular").data()
    assert list(data.columns) == COLUMNS[1:-1]
    assert len(data) == 108


def test_a_parameter_that_is_not_there_is_refused_with_the_nearest(tmp_path):
    """Parameters are checked before any file is read."""
    with pytest.raises(UnknownNameError, match="no parameter 'latent_dims'; did you mean 'latent_dim'"):
        fit_file("missing.csv", str(tmp_path / "m.avae"), parameters={"latent_dims": 3})


def test_nothing_to_learn_from_is_refused(tmp_path):
    """A table whose columns are all left out has rows without features."""
    table = write_table(tmp_path / "a.csv", COLUMNS, orders(5))
    with pytest.raises(InputError, match="all columns are left out"):
        fit_file(table, str(tmp_path / "m.avae"), left_out=COLUMNS)


def test_files_of_a_folder_are_one_table(tmp_path):
    """In order of their names; each may be written in its own way."""
    rows = orders(60)
    write_table(tmp_path / "b.csv", COLUMNS, rows[30:])
    write_table(tmp_path / "a.csv", COLUMNS, rows[:30])
    whole = TableTraining(write_table(tmp_path / "all.txt", COLUMNS, rows), None, [], {}, "tabular").data()
    for train in (str(tmp_path), str(tmp_path / "?.csv")):
        training = TableTraining(train, None, [], {}, "tabular")
        assert training.data().equals(whole)
        assert [path.rpartition("/")[2] for path in training.paths()] == ["a.csv", "b.csv"]
        assert training.n_seen == 60
    write_table(tmp_path / "c.csv", COLUMNS[1:], [row[1:] for row in rows])
    with pytest.raises(UnknownNameError, match=r"c\.csv: there is no column 'code', which .*a\.csv has"):
        TableTraining(str(tmp_path), None, [], {}, "tabular").data()


def test_a_large_file_gives_a_sample_of_its_normal_rows(train):
    """The same for the same random state, with every word; the count is that of all normal rows."""

    def drawn(seed: int) -> TableTraining:
        label = Label("label", "good")
        training = TableTraining(train, label, [], {"random_state": seed}, "tabular", max_rows=30)
        training.frame = training.data()
        return training

    first = drawn(0)
    assert first.n_seen == 108
    assert 30 <= len(first.frame) <= 40
    assert set(first.frame["color"]) == {"red", "green"}
    assert first.frame.equals(drawn(0).frame)
    assert not first.frame.equals(drawn(1).frame)


def test_rare_values_of_a_key_are_trained_on(tmp_path):
    """Equal shares to train on, and rows that are held out uniformly; the key need not be a feature."""
    rows = [["rare" if i % 100 == 7 else "usual", str(i * i % 97)] for i in range(1_000)]
    train = write_table(tmp_path / "a.csv", ["host", "x"], rows)
    training = TableTraining(train, None, [], {}, "tabular", max_rows=100, per="host")
    hosts = training.data()["host"][~training.held_out]
    assert hosts.value_counts()["rare"] >= 5
    assert training.held_out.sum() == 33
    training = TableTraining(train, None, ["host"], {}, "tabular", max_rows=100, per="host")
    assert list(training.data().columns) == ["x"]
    with pytest.raises(UnknownNameError, match="there is no column 'hosts'"):
        TableTraining(train, None, [], {}, "tabular", per="hosts").data()


@pytest.mark.parametrize("recipe", ["tabular", "tabular_numeric"])
def test_a_fit_on_a_sample_calibrates_with_the_rows_that_were_held_out(tmp_path, recipe):
    """Also if the detector is the last step of a Pipeline."""
    rows = [[str(i % 7), str(i * i % 97)] for i in range(1_000)]
    train = write_table(tmp_path / "a.csv", ["host", "x"], rows)
    parameters = {"max_steps": 2, "hidden_sizes": (4,)}
    model = str(tmp_path / "m.avae")
    summary = fit_file(train, model, parameters=parameters, recipe=recipe, max_rows=200, per="host")
    assert (summary.n_seen, summary.n_calibration) == (1_000, 50)
    assert 190 <= summary.n_rows <= 200
