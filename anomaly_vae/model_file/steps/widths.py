"""n_outputs: how many columns a rebuilt step returns, which the next step must accept.

Rules and laws check that the arrays of a step agree. This module checks that the steps agree with each other,
so that a loaded Pipeline does not fail at the first row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from anomaly_vae.errors import ModelFileError

MAX_COLUMNS = 2**16
"""Columns that a step may make from fewer columns, because a block of such rows must fit in memory."""


def n_outputs(step: Any, n_columns: int) -> int:
    """Columns that a fitted step returns for ``n_columns`` of input.

    Raises
    ------
    ModelFileError
        If the step, or one inside it, was fitted on another number of columns.
    """
    if isinstance(step, str | None):
        return 0 if step == "drop" else n_columns
    fitted_on = step.__dict__.get("n_features_in_", n_columns)
    if fitted_on != n_columns:
        kind = type(step).__name__
        raise ModelFileError(f"holds a {kind} of {fitted_on:,} columns where {n_columns:,} arrive")
    count = _BY_KIND.get(type(step).__name__)
    width = n_columns if count is None else count(step, n_columns)
    if width > max(MAX_COLUMNS, n_columns):
        raise ModelFileError(
            f"holds a {type(step).__name__} that makes {width:,} columns; at most {MAX_COLUMNS:,} are allowed"
        )
    return width


def check_widths(pipeline: Any) -> None:
    """Raise ModelFileError unless each step of a Pipeline accepts the columns of the previous step."""
    n_columns = _n_inputs(pipeline)
    if n_columns is not None:
        _of_pipeline(pipeline, n_columns)


def _n_inputs(step: Any) -> int | None:
    """Columns that a step was fitted on, or those of its first inner step."""
    inside = [below for _, below in getattr(step, "steps", getattr(step, "transformer_list", []))]
    for below in inside:
        if not isinstance(below, str | None):
            return _n_inputs(below)
    return getattr(step, "n_features_in_", None)


def _of_pipeline(pipeline: Any, n_columns: int) -> int:
    for _, step in pipeline.steps:
        n_columns = n_outputs(step, n_columns)
    return n_columns


def _of_union(union: Any, n_columns: int) -> int:
    return sum(n_outputs(step, n_columns) for _, step in union.transformer_list)


def _of_columns(transformer: Any, _: int) -> int:
    """The sum of the outputs of all steps, each of which has its own input columns."""
    inputs, total = transformer._transformer_to_input_indices, 0
    for name, step, columns in transformer.transformers_:
        if name not in inputs:
            raise ModelFileError("holds a ColumnTransformer with a step that has no columns")
        _check_columns(transformer, columns, inputs[name])
        _check_names(transformer, step, inputs[name])
        # A step without columns is not fitted, and returns none.
        total += n_outputs(step, len(inputs[name])) if inputs[name] else 0
    return total


def _check_columns(transformer: Any, columns: Any, positions: list[int]) -> None:
    """Raise ModelFileError if the columns of a step are not at its positions."""
    names = list(transformer.__dict__.get("feature_names_in_", []))
    labels = range(transformer.n_features_in_)
    try:
        if isinstance(columns, slice):
            sliced = labels[_of_positions(columns, names)]
            chosen = list(sliced) if len(sliced) == len(positions) else None
        else:
            chosen = [_at(label, names, labels) for label in _listed(columns, labels)]
    except (IndexError, TypeError, ValueError):
        chosen = None
    if chosen != positions:
        raise ModelFileError("holds a ColumnTransformer whose steps take other columns than it states")


def _of_positions(columns: slice, names: list[str]) -> slice:
    """A slice of positions; a slice of names includes its end."""
    start, stop = columns.start, columns.stop
    start = names.index(start) if isinstance(start, str) else start
    return slice(start, names.index(stop) + 1 if isinstance(stop, str) else stop, columns.step)


def _check_names(transformer: Any, step: Any, positions: list[int]) -> None:
    """Raise ModelFileError if a step was fitted on columns with other names."""
    outer, inner = transformer.__dict__.get("feature_names_in_"), getattr(step, "feature_names_in_", None)
    if outer is not None and inner is not None and list(inner) != [outer[position] for position in positions]:
        raise ModelFileError("holds a ColumnTransformer whose steps take columns of other names")


def _listed(columns: Any, labels: range) -> list[Any]:
    """Names or positions of columns; a mask selects positions."""
    listed = columns.tolist() if isinstance(columns, np.ndarray) else columns
    listed = list(listed) if isinstance(listed, list | tuple) else [listed]
    if listed and all(isinstance(label, bool) for label in listed):
        return [label for label, chosen in zip(labels, listed, strict=True) if chosen]
    return listed


def _at(label: Any, names: list[Any], labels: range) -> int:
    return names.index(label) if isinstance(label, str) else labels[label]


def _of_imputer(imputer: Any, n_columns: int) -> int:
    """Columns that had values in the fit, and the indicators of missing values."""
    indicator = imputer.__dict__.get("indicator_")
    n_indicators = 0 if indicator is None else len(indicator.features_)
    if imputer.keep_empty_features:
        return n_columns + n_indicators
    if type(imputer).__name__ == "KNNImputer":
        return int(imputer._valid_mask.sum()) + n_indicators
    n_known = sum(bool(value is not None and value == value) for value in imputer.statistics_)
    return n_known + n_indicators


def _of_indicator(indicator: Any, _: int) -> int:
    if indicator._precomputed:  # as inside an imputer, which passes a mask
        raise ModelFileError("holds a MissingIndicator that takes a mask instead of values")
    return len(indicator.features_)


_BY_KIND: Mapping[str, Callable[[Any, int], int]] = {
    "ColumnTransformer": _of_columns,
    "FactorAnalysis": lambda step, _: len(step.components_),
    "FastICA": lambda step, _: len(step.components_),
    "FeatureUnion": _of_union,
    "GaussianRandomProjection": lambda step, _: len(step.components_),
    "IncrementalPCA": lambda step, _: len(step.components_),
    "KBinsDiscretizer": lambda step, n: n if step.encode == "ordinal" else int(step.n_bins_.sum()),
    "KNNImputer": _of_imputer,
    "MissingIndicator": _of_indicator,
    "Nystroem": lambda step, _: len(step.components_),
    "OneHotEncoder": lambda step, _: sum(step._n_features_outs),
    "PCA": lambda step, _: len(step.components_),
    "Pipeline": _of_pipeline,
    "PolynomialFeatures": lambda step, _: step.n_output_features_,
    "RBFSampler": lambda step, _: len(step.random_offset_),
    "SimpleImputer": _of_imputer,
    "TruncatedSVD": lambda step, _: len(step.components_),
    "VarianceThreshold": lambda step, _: int((step.variances_ > step.threshold).sum()),
}
"""Steps that return another number of columns than they accept."""
