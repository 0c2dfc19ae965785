"""How the columns of a file are read, and what is odd about them."""

from __future__ import annotations

import re
import tomllib

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.dialects.dialect import Given
from anomaly_vae_pipelines.dialects.schema import read_schema
from anomaly_vae_pipelines.runs.check import ColumnReport, TableReport, check_file
from anomaly_vae_pipelines.runs.table_training import TableTraining


def row(i: int) -> str:
    n, far = "n.v." if i == 3 else i % 5 + 1, 9999 if i % 9 == 0 else i
    return f"{i:03d};{i % 7},5 €;{n};{i % 28 + 1:02d}.03.2025;{far};;1.{i % 3};ja"


ROWS = [row(i) for i in range(40)]
TABLE = "\n".join(["code;price;n;day;far;none;ver;same", *ROWS]) + "\n"


@pytest.fixture
def path(tmp_path) -> str:
    (tmp_path / "t.csv").write_text(TABLE, encoding="utf-8")
    return str(tmp_path / "t.csv")


@pytest.fixture
def report(path) -> TableReport:
    return check_file(path)


def column(report: TableReport, name: str) -> ColumnReport:
    return next(column for column in report.columns if column.name == name)


def test_each_column_has_its_kind_and_values(report):
    assert report.n_rows == 40
    assert {c.name: c.kind for c in report.columns} == {
        "code": "identifier", "price": "numeric", "n": "categorical", "day": "datetime", "far": "numeric",
        "none": "constant", "ver": "categorical", "same": "constant",
    }  # fmt: skip
    price = column(report, "price")
    assert (price.read_as, price.values) == ("numeric: numbers such as 0,5 €", "0.5 to 6.5")
    assert price.examples == ("0.5", "1.5", "2.5")
    assert column(report, "none").n_missing == 40


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("code", "say so with --id code"),
        ("n", "because of 1 cell, the first 'n.v.' on line 5.*--na"),
        ("far", "9999 is far above all others.*--na 9999"),
        ("none", "has no value; leave it out with --ignore none"),
        ("same", "has one value only"),
    ],
)
def test_what_is_odd_names_the_option(report, name, text):
    (found,) = column(report, name).oddities
    assert re.search(text, found), found


def test_the_rest_is_not_odd(report):
    assert [c.name for c in report.columns if not c.oddities] == ["price", "day", "ver"]
    assert report.is_odd


def test_a_fit_with_the_written_schema_reads_the_same(report, path):
    """Identifiers are left out; all else has the same cells."""
    schema = read_schema(tomllib.loads(report.schema()), "c.toml")
    assert schema.left_out == ["code"]
    given = Given(columns=schema.forms)
    with pytest.warns(UserWarning, match="'n' is read as text"):
        found = TableTraining(path, None, [], {}, "tabular").data()
    again = TableTraining(path, None, ["code"], {}, "tabular", given).data()
    assert again.equals(found.drop(columns="code"))


def test_a_kind_that_the_cells_do_not_have_is_refused(path):
    schema = read_schema({"columns": {"n": {"kind": "numeric"}}}, "c.toml")
    with pytest.raises(InputError, match="column 'n': wanted a number.*'n.v.'"):
        TableTraining(path, None, [], {}, "tabular", Given(columns=schema.forms)).data()


def test_numbers_out_of_their_bounds_are_odd_and_not_fitted(path):
    given = Given(bounds={"price": (0.0, 5.0)})
    (oddity,) = column(check_file(path, given), "price").oddities
    assert oddity.startswith("has 10 numbers out of its bounds 0 to 5, such as 5.5; ")
    with (
        pytest.warns(UserWarning, match="'n' is read as text"),
        pytest.raises(InputError, match="t.csv: column 'price' has 10 numbers out of its bounds 0 to 5"),
    ):
        TableTraining(path, None, [], {}, "tabular", given).data()


def test_a_form_shows_a_cell_of_the_file(tmp_path):
    (tmp_path / "a.csv").write_text('a,b\n"€1,017.50",1\n€12.00,2\n€3.25,3\n', encoding="utf-8")
    assert "a numbers such as €1,017.50" in check_file(str(tmp_path / "a.csv")).dialect
