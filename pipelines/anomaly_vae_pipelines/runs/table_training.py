"""TableTraining: an unfitted model for tables, and the rows of a file to fit it on."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae.sampling.sizes import SAMPLE_ROWS
from anomaly_vae.states.parameters import TABLE_PARAMETERS
from anomaly_vae_pipelines.dialects.columns import find_forms
from anomaly_vae_pipelines.dialects.dialect import NOTHING, PLAIN, Bounds, Given
from anomaly_vae_pipelines.dialects.reading import Reading, described
from anomaly_vae_pipelines.errors import EmptyRowsWarning
from anomaly_vae_pipelines.plurals import counted
from anomaly_vae_pipelines.records import Label, Rows
from anomaly_vae_pipelines.runs.oddities import oddities_in_short
from anomaly_vae_pipelines.scoring.recipes import check_parameters, find_recipe
from anomaly_vae_pipelines.scoring.tables import final_detector
from anomaly_vae_pipelines.sources import TableInputs, read_rows
from anomaly_vae_pipelines.sources.cells import collect
from anomaly_vae_pipelines.sources.fast_sampling import blocks_of, choose_blocks
from anomaly_vae_pipelines.sources.sampling import RowsReader, sample_rows
from anomaly_vae_pipelines.sources.selection import only_normal, require_columns, without
from anomaly_vae_pipelines.sources.text import cast_columns

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from anomaly_vae.detectors.per_key import PerKey
    from anomaly_vae.detectors.tabular import TabularVAEDetector

MIN_ROWS = 2
"""The smallest number of rows to fit a model on."""


class TableTraining:
    """Model and data of ``fit_file``.

    The model is made once the data have been read: PyTorch and scikit-learn, which it needs, take 300 MB.

    Parameters
    ----------
    train : str
        The file of rows, or a directory or a pattern of files with the same columns.
    label, left_out, parameters, recipe, given, columns, max_rows, per, fast_sample, key
        As in ``fit_file``.

    Attributes
    ----------
    model : TabularVAEDetector, PerKey or Pipeline
        The model that is fitted and saved.
    reading : Reading
        How the file was read, once ``data`` has returned.
    n_seen : int
        Number of rows that a fit could use, of which ``data`` returns at most ``max_rows`` and a few.
    reads_blocks : bool
        Whether only some blocks of the files are read.
    held_out : array of bool, shape (n_rows,), or None
        Which rows of ``data`` are not to be trained on; None if it returned all rows.
    hint : str
        End of the error message if the data cannot be fitted.

    Raises
    ------
    UnknownNameError
        For a recipe or a parameter that does not exist.
    InputError
        For a key that is left out, or with a recipe of other steps.
    """

    hint = "; try another --recipe"

    def __init__(
        self,
        train: str,
        label: Label | None,
        left_out: Sequence[str],
        parameters: Mapping[str, Any],
        recipe: str,
        given: Given = NOTHING,
        columns: Sequence[str] | None = None,
        max_rows: int = SAMPLE_ROWS,
        per: str | None = None,
        fast_sample: bool = False,
        key: str | None = None,
    ) -> None:
        self.reads_blocks = fast_sample
        self.held_out: NDArray[np.bool_] | None = None
        self._columns, self._max_rows, self._dialect = columns, max_rows, PLAIN
        self._per, self._key = per or key, key
        self._given, self.reading = given, Reading(given)
        self._train, self._label, self._left_out = train, label, left_out
        # The steps of other recipes take only numbers.
        self._kinds = given.kinds if recipe == "tabular" else {}
        check_parameters(parameters, TABLE_PARAMETERS, "the detector")
        self._make, self._parameters = find_recipe(recipe), dict(parameters)
        if key is not None:
            self._check_key(key, recipe)

    def _check_key(self, key: str, recipe: str) -> None:
        if recipe != "tabular":
            raise InputError(f"a key goes with the recipe tabular, not with {recipe}; leave out one of them")
        if key in self._left_out or (self._label is not None and key == self._label.column):
            raise InputError(
                f"column {key!r} is the key, so it cannot be left out or be the label; name it once"
            )

    @cached_property
    def model(self) -> TabularVAEDetector | PerKey | Pipeline:
        """The model, which ``data`` must have been called for: kinds of columns may follow from them."""
        model = self._make(**self._parameters)
        if self._key is None:
            return model
        from anomaly_vae.detectors.per_key import PerKey

        return PerKey(model, key=self._key)

    def paths(self) -> Sequence[str]:
        """Return the training files."""
        return self._inputs.names

    def data(self) -> pd.DataFrame:
        """Return the training rows and their features; raises InputError if there are too few."""
        label = self._label
        labels = [label.column] if label is not None else []
        kinds = {**(self._parameters.get("column_kinds") or {}), **self._kinds}
        categories = [name for name, kind in kinds.items() if kind == "categorical"]
        reader = RowsReader(categories, [*labels, *filter(None, [self._per])])
        pieces: Iterable[Rows] = self._pieces(kinds, reader)
        drawn, n_seen, held_out = sample_rows(
            only_normal(pieces, label) if label is not None else pieces,
            self._max_rows,
            seed=self._seed,
            reader=reader,
            per=self._per,
            fraction=self._parameters.get("validation_fraction", "auto"),
        )
        table = collect([drawn], self._conformed)
        not_features = [*labels, *(name for name in self._left_out if name == self._per)]
        table = _without_empty_rows(table.drop(columns=not_features), self._train)
        self.held_out = None if held_out is None else held_out[: len(table)]
        if kinds:  # those of labels and of columns that are left out are not needed
            self._parameters["column_kinds"] = {
                name: kinds[name] for name in kinds if name in table and name != self._key
            }
        if not table.shape[1]:
            raise InputError(f"{self._train}: all columns are left out; wanted at least one to fit on")
        for problem in out_of_bounds(table, self._given.bounds).values():
            raise InputError(f"{self._train}: {problem}")
        if len(table) < MIN_ROWS:
            which = f" with {label.normal!r} in column {label.column!r}" if label is not None else ""
            wanted = f"wanted at least {MIN_ROWS} rows{which} to fit on, got {len(table)}"
            raise InputError(f"{self._train}: {wanted}")
        self._table, self.n_seen = table, n_seen if n_seen > self._max_rows else len(table)
        return table

    def _pieces(self, kinds: Mapping[str, str], reader: RowsReader) -> Iterator[Rows]:
        """Read the features and the label of all files."""
        inputs, wanted = self._inputs, list[str]()
        self._blocks = choose_blocks(inputs, self._max_rows, self._seed) if self.reads_blocks else None
        labels = [self._label.column] if self._label is not None else []
        for number in range(len(inputs.names)):
            with inputs.open(number) as source:
                found = getattr(source, "dialect", PLAIN)
                if number:
                    require_columns(wanted, source, f", which {inputs.names[0]} has")
                    missing = dict.fromkeys((*self._dialect.missing, *found.missing))
                    self._dialect = replace(self._dialect, missing=tuple(missing))
                else:
                    said = [*self._given.columns, *self._given.bounds, *kinds]
                    require_columns(self._columns or (), source, ", which the earlier model was fitted on")
                    keys = [] if self._per is None else [self._per]
                    require_columns([*self._left_out, *labels, *keys, *said], source)
                    features = without(self._columns or source.columns, [*self._left_out, *labels])
                    wanted, self._dialect = list(dict.fromkeys([*features, *labels, *keys])), found
                blocks = None if self._blocks is None else blocks_of(source, self._blocks.of_files[number])
                yield from read_rows(source, wanted, blocks=blocks, likely=reader.likely_numbers)

    @property
    def _seed(self) -> int:
        seed = self._parameters.get("random_state")
        return seed if isinstance(seed, int) else 0

    @cached_property
    def _inputs(self) -> TableInputs:
        return TableInputs([self._train], None, self.reading)

    def dialect(self) -> dict[str, Any]:
        """Return how the file was read, as a model file stores it, without the column of labels."""
        stored, label = self.reading.as_json(), self._label
        columns = {
            name: form
            for name, form in stored.pop("columns", {}).items()
            if label is None or name != label.column
        }
        return stored | ({"columns": columns} if columns else {})

    def _conformed(self, table: pa.Table) -> tuple[pa.Table, frozenset[str]]:
        """Return the rows with all numbers and dates in plain form, and the columns that stay text."""
        dialect, forms = find_forms(table, self._dialect, self._given, self._train)
        self.reading = Reading(self._given, dialect, forms)
        plain, bad_cells = cast_columns(table, (), dialect, forms)
        for problem in bad_cells.values():
            raise InputError(f"{self._train}: {problem}")
        return plain, self.reading.texts()

    def summary(self) -> dict[str, Any]:
        """Return the number of columns of each kind, how the file was read, and what is odd about it."""
        fitted: Any = final_detector(self.model)
        detector = fitted if self._key is None else fitted.shared_
        kinds = Counter[str](column.kind for column in detector.schema_.columns)
        kinds += Counter([] if self._key is None else ["key"])
        table = self._table if self._key is None else self._table.drop(columns=self._key)
        odd = oddities_in_short(detector.model_.encoder.readers, table)
        return {
            "kinds": kinds,
            "dialect": described(self.reading),
            "odd": odd,
            "n_seen": self.n_seen,
            "blocks": self.blocks(),
        }

    def blocks(self) -> tuple[int, int] | None:
        """Return the number of blocks that were read, and that of all; None if all rows were read."""
        return None if self._blocks is None else (self._blocks.n_chosen, self._blocks.n_all)


def _without_empty_rows(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """The rows up to the last with a value: exports of spreadsheets end with rows of separators."""
    filled = np.flatnonzero(table.notna().any(axis=1))
    n_kept = int(filled[-1]) + 1 if len(filled) else len(table)
    if table.shape[1] < 2 or n_kept == len(table):
        return table
    n_rows = counted(len(table) - n_kept, "row")
    problem = f"{source}: {n_rows} without any value at its end left out"
    warnings.warn(problem, EmptyRowsWarning, stacklevel=2)
    return table.iloc[:n_kept]


def out_of_bounds(table: pd.DataFrame, bounds: Mapping[str, Bounds]) -> dict[str, str]:
    """What to say about the columns of numbers with values out of their bounds, by name."""
    problems = {}
    for name, (low, high) in bounds.items():
        numbers = table[name]
        is_out = (numbers < low) | (numbers > high)
        if is_out.any():
            count = counted(int(is_out.sum()), "number")
            problems[name] = (
                f"column {name!r} has {count} out of its bounds {low:g} to {high:g}, such as "
                f"{numbers[is_out].iloc[0]:g}; correct them, or the bounds, or name them with --na"
            )
    return problems
