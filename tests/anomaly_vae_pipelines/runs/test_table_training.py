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
