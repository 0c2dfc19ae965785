"""generated_rows: rows that a fitted Pipeline can read, generated from what its steps learned.

A self-test of a Pipeline needs rows in the form that the Pipeline reads, and training rows are never kept.
Steps have some values of their columns: an encoder its categories, a scaler its mean. The rows cycle through
these values; a column without known values gets small positive numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Columns = list[list[Any]]

_DEFAULT = [0.5, 1.0, 2.0]
_MAX_VALUES = 64
_MOST = 1e300


def generated_rows(model: Any, n_rows: int) -> Columns:
    """Cells of ``n_rows`` rows, as one list per input column of a Pipeline."""
    known = [_plain(values) or _DEFAULT for values in _learned(model, n_inputs(model))]
    return [[values[row % len(values)] for row in range(n_rows)] for values in known]


def n_inputs(model: Any) -> int:
    """Number of input columns of a Pipeline."""
    return int(_first_fitted(model).n_features_in_)


def input_names(model: Any) -> Any:
    """Names of the input columns of a Pipeline or detector; None where it was fitted without names."""
    return getattr(_first_fitted(model), "feature_names_in_", None)


def _first_fitted(step: Any) -> Any:
    """The first step that receives the unchanged input, and is not "passthrough"."""
    steps = getattr(step, "steps", None) or getattr(step, "transformer_list", None)
    if not steps:
        return step
    fitted = [below for _, below, *_ in steps if not isinstance(below, str | None)]
    return _first_fitted(fitted[0]) if fitted else step


def _learned(step: Any, n_columns: int) -> Columns:
    """Known values of each input column of a step; an empty list if there are none."""
    learn = _BY_KIND.get(type(step).__name__)
    nothing: Columns = [[] for _ in range(n_columns)]
    if learn is None or getattr(step, "n_features_in_", n_columns) != n_columns:
        return nothing
    return learn(step, n_columns)


def _of_pipeline(pipeline: Any, n_columns: int) -> Columns:
    """Values of the first step; after an imputer, which keeps values, also those of the next step."""
    known: Columns = [[] for _ in range(n_columns)]
    for _, step in pipeline.steps:
        if isinstance(step, str | None):
            continue
        known = [have + more for have, more in zip(known, _learned(step, n_columns), strict=True)]
        if type(step).__name__ != "SimpleImputer":
            break
    return known


def _of_union(union: Any, n_columns: int) -> Columns:
    known: Columns = [[] for _ in range(n_columns)]
    for _, step in union.transformer_list:
        known = [have or learned for have, learned in zip(known, _learned(step, n_columns), strict=True)]
    return known


def _of_columns(transformer: Any, n_columns: int) -> Columns:
    """Values that the steps of a ColumnTransformer know of their columns."""
    known: Columns = [[] for _ in range(n_columns)]
    for name, step, _ in transformer.transformers_:
        own = transformer._transformer_to_input_indices.get(name, [])
        for position, values in zip(own, _learned(step, len(own)), strict=True):
            known[position] = known[position] or values
    return known


def _of_categories(encoder: Any, _: int) -> Columns:
    return [list(values[:_MAX_VALUES]) for values in encoder.categories_]


def _of_scaler(centre: Any, scale: Any, n_columns: int) -> Columns:
    """The centre of each column, and the centre minus and plus the scale; nothing without centres."""
    if centre is None:
        return [[] for _ in range(n_columns)]
    scale = np.ones(n_columns) if scale is None else scale
    return [[c, c - r, c + r] for c, r in zip(centre, scale, strict=True)]


_BY_KIND: Mapping[str, Callable[[Any, int], Columns]] = {
    "ColumnTransformer": _of_columns,
    "FeatureUnion": _of_union,
    "KBinsDiscretizer": lambda step, _: [list(edges[:_MAX_VALUES]) for edges in step.bin_edges_],
    "KNNImputer": lambda step, _: [list(values) for values in step._fit_X[:4].T],
    "MinMaxScaler": lambda step, _: [list(pair) for pair in zip(step.data_min_, step.data_max_, strict=True)],
    "OneHotEncoder": _of_categories,
    "OrdinalEncoder": _of_categories,
    "PCA": lambda step, _: [[value] for value in step.mean_],
    "Pipeline": _of_pipeline,
    "QuantileTransformer": lambda step, _: [list(values[:_MAX_VALUES]) for values in step.quantiles_.T],
    "RobustScaler": lambda step, n_columns: _of_scaler(step.center_, step.scale_, n_columns),
    "SimpleImputer": lambda step, _: [[value] for value in step.statistics_],
    "StandardScaler": lambda step, n_columns: _of_scaler(step.mean_, step.scale_, n_columns),
}


def _plain(values: list[Any]) -> list[Any]:
    """The JSON-serialisable values; missing values are left out."""
    import pandas as pd

    kept = [
        value.item() if isinstance(value, np.generic) else value for value in values if not pd.isna(value)
    ]
    return [value for value in kept if isinstance(value, bool | str) or _is_moderate(value)]


def _is_moderate(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < _MOST
