"""Check: how a fit would read each column of a file, and what is odd about it, without fitting."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from anomaly_vae.columns.kinds import choose_reader
from anomaly_vae.columns.readers import Reader
from anomaly_vae_pipelines.dialects.dialect import NOTHING, Given
from anomaly_vae_pipelines.dialects.forms import ColumnForm
from anomaly_vae_pipelines.dialects.reading import described
from anomaly_vae_pipelines.dialects.schema import write_schema
from anomaly_vae_pipelines.dialects.times import ClockForm
from anomaly_vae_pipelines.plurals import counted
from anomaly_vae_pipelines.runs.oddities import oddities_of
from anomaly_vae_pipelines.runs.table_training import TableTraining, out_of_bounds

N_EXAMPLES = 3

_SCHEMA_KINDS = ("datetime", "identifier", "boolean", "time")


@dataclass(frozen=True)
class ColumnReport:
    """How one column is read.

    Attributes
    ----------
    name, kind : str
        Its name, and its kind as in ``schema_`` of a detector, or "time".
    form : ColumnForm or None
        How its cells are written; None for plain numbers and text.
    examples : tuple of str
        Its first values.
    n_missing : int
        Number of missing cells.
    values : str
        The range of its numbers, or its number of categories.
    oddities : tuple of str
        What is odd about it, each with the option that changes it.
    is_number : bool
        Whether its cells are numbers.
    """

    name: str
    kind: str
    form: ColumnForm | None
    examples: tuple[str, ...]
    n_missing: int
    values: str
    oddities: tuple[str, ...]
    is_number: bool = False

    @property
    def read_as(self) -> str:
        """The kind, with how the cells are written."""
        return self.kind if self.form is None else f"{self.kind}: {self.form.shown}"


@dataclass(frozen=True)
class TableReport:
    """How a file is read.

    Attributes
    ----------
    path : str
    n_rows, n_drawn : int
        All rows, and those that the columns are described by: a sample of a large file.
    dialect : str
        What is not plain CSV about it, in words; empty if nothing is.
    columns : tuple of ColumnReport
    """

    path: str
    n_rows: int
    n_drawn: int
    dialect: str
    columns: tuple[ColumnReport, ...]

    @property
    def size(self) -> str:
        """The number of rows and columns, in words."""
        drawn = f" ({self.n_drawn:,} drawn)" if self.n_drawn < self.n_rows else ""
        return f"{counted(self.n_rows, 'row')}{drawn}, {counted(len(self.columns), 'column')}"

    @property
    def is_odd(self) -> bool:
        """Whether anything is odd about a column."""
        return any(column.oddities for column in self.columns)

    def schema(self) -> str:
        """The columns as TOML for ``fit --columns``."""
        return write_schema((column.name, _schema_kind(column), column.form) for column in self.columns)


def check_file(path: str, given: Given = NOTHING, left_out: Sequence[str] = ()) -> TableReport:
    """Read a file as ``fit_file`` does, and describe its columns; raises InputError as that does.

    Numbers out of their bounds are odd. Columns that are left out are not described.
    """
    training = TableTraining(path, None, left_out, {}, "tabular", replace(given, bounds={}))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = training.data()
    warned: dict[Hashable, str] = {
        name: str(one.message) for one in caught for name in table if f"column {name!r} " in str(one.message)
    }
    bounds = {name: ends for name, ends in given.bounds.items() if name in table}
    warned.update(out_of_bounds(table, bounds))
    forms = training.reading.forms
    columns = [_report(table[name], str(name), forms, warned.get(name)) for name in table]
    return TableReport(path, training.n_seen, len(table), described(training.reading), tuple(columns))


def _report(
    cells: pd.Series, name: str, forms: Mapping[str, ColumnForm], warning: str | None
) -> ColumnReport:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader = choose_reader(cells, name)
    present = cells[cells.notna()]
    examples = tuple(_shown(value) for value in present.drop_duplicates().head(N_EXAMPLES))
    warned = () if warning is None else (warning.partition("' ")[2],)
    oddities = (*warned, *oddities_of(reader, cells))
    n_missing = int(cells.isna().sum())
    is_number = pd.api.types.is_numeric_dtype(cells.dtype) and not pd.api.types.is_bool_dtype(cells.dtype)
    values, form = _values(reader, present), forms.get(name)
    is_time = isinstance(form and form.form, ClockForm) and reader.kind == "numeric"
    return ColumnReport(
        name, "time" if is_time else reader.kind, form, examples, n_missing, values, oddities, is_number
    )


def _values(reader: Reader, present: pd.Series) -> str:
    """The range or the number of categories of a column."""
    if not len(present):
        return "none"
    if reader.kind in ("numeric", "datetime"):
        return f"{_shown(present.min())} to {_shown(present.max())}"
    return f"{present.nunique():,} distinct"


def _schema_kind(column: ColumnReport) -> str:
    """The kind of a column in a schema: the same word, except for a constant."""
    if column.kind in _SCHEMA_KINDS:
        return column.kind
    return "numeric" if column.is_number else "categorical"


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
