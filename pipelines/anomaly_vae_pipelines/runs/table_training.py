"""TableTraining: an unfitted model for tables, and the rows of a file to fit it on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import pandas as pd
import pyarrow as pa
from sklearn.pipeline import Pipeline

from anomaly_vae.detectors.tabular import TabularVAEDetector
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.dialects.columns import find_forms
from anomaly_vae_pipelines.dialects.dialect import NOTHING, PLAIN, Given
from anomaly_vae_pipelines.dialects.reading import Reading, described
from anomaly_vae_pipelines.records import Label, Rows
from anomaly_vae_pipelines.scoring.recipes import check_parameters, find_recipe
from anomaly_vae_pipelines.scoring.tables import final_detector
from anomaly_vae_pipelines.sources import open_source, read_rows
from anomaly_vae_pipelines.sources.cells import collect
from anomaly_vae_pipelines.sources.selection import only_normal, require_columns, without
from anomaly_vae_pipelines.sources.text import cast_columns

MIN_ROWS = 2
"""The smallest number of rows to fit a model on."""


class TableTraining:
    """Model and data of ``fit_file``.

    Parameters
    ----------
    train : str
        The file of rows.
    label, left_out, parameters, recipe, given, columns
        As in ``fit_file``.

    Attributes
    ----------
    model : TabularVAEDetector or Pipeline
        The model that is fitted and saved.
    detector : TabularVAEDetector
        The model itself, or the last step of a Pipeline.
    reading : Reading
        How the file was read, once ``data`` has returned.
    hint : str
        End of the error message if the data cannot be fitted.

    Raises
    ------
    UnknownNameError
        For a recipe or a parameter that does not exist.
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
    ) -> None:
        self._columns = columns
        self._given, self.reading = given, Reading(given)
        self._train, self._label, self._left_out = train, label, left_out
        check_parameters(parameters, TabularVAEDetector, "the detector")
        self.model: TabularVAEDetector | Pipeline = find_recipe(recipe)(**parameters)
        self.detector = cast(TabularVAEDetector, final_detector(self.model))

    def paths(self) -> Sequence[str]:
        """Return the training file."""
        return [self._train]

    def data(self) -> pd.DataFrame:
        """Return the training rows and their features; raises InputError if there are too few."""
        label = self._label
        labels = [label.column] if label is not None else []
        with open_source(self._train, reading=self.reading) as source:
            require_columns(self._columns or (), source, ", which the earlier model was fitted on")
            require_columns([*self._left_out, *labels, *self._given.columns], source)
            features = without(self._columns or source.columns, [*self._left_out, *labels])
            pieces: Iterable[Rows] = read_rows(source, [*features, *labels])
            self._dialect = getattr(source, "dialect", PLAIN)
            table = collect(only_normal(pieces, label) if label is not None else pieces, self._conformed)
        table = table.drop(columns=labels)
        if not table.shape[1]:
            raise InputError(f"{self._train}: all columns are left out; wanted at least one to fit on")
        if len(table) < MIN_ROWS:
            which = f" with {label.normal!r} in column {label.column!r}" if label is not None else ""
            wanted = f"wanted at least {MIN_ROWS} rows{which} to fit on, got {len(table)}"
            raise InputError(f"{self._train}: {wanted}")
        return table

    def dialect(self) -> dict[str, Any]:
        """Return how the file was read, as a model file stores it."""
        return self.reading.as_json()

    def _conformed(self, table: pa.Table) -> tuple[pa.Table, frozenset[str]]:
        """Return the rows with all numbers and dates in plain form, and the columns that stay text."""
        dialect, forms = find_forms(table, self._dialect, self._given, self._train)
        self.reading = Reading(self._given, dialect, forms)
        plain, bad_cells = cast_columns(table, (), dialect, forms)
        for problem in bad_cells.values():
            raise InputError(f"{self._train}: {problem}")
        return plain, self.reading.texts()

    def summary(self) -> dict[str, Any]:
        """Return the number of columns of each kind, and how the file was read."""
        kinds = Counter(column.kind for column in self.detector.schema_.columns)
        return {"kinds": kinds, "dialect": described(self.reading)}
