"""Origins: which input columns each output column of a step of scikit-learn comes from, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import OneToOneFeatureMixin
from sklearn.feature_selection import SelectorMixin

Origins: TypeAlias = list[frozenset[int]]
"""Positions of input columns, per output column."""

Cells = NDArray[Any]


def origins(step: Any, n_inputs: int, n_outputs: int) -> Origins:
    """The input columns of each output column of a fitted step.

    A step whose columns cannot be followed, such as PCA, makes each of its columns from all inputs.
    """
    find = _ORIGINS.get(type(step).__name__)
    found = find(step, n_inputs, n_outputs) if find else None
    if found is None and (isinstance(step, OneToOneFeatureMixin) or _is_one_to_one(step)):
        found = _single(n_inputs)
    if found is None and isinstance(step, SelectorMixin):
        found = [frozenset([int(j)]) for j in step.get_support(indices=True)]
    if found is None or len(found) != n_outputs:
        return [frozenset(range(n_inputs))] * n_outputs
    return found


def restored(step: Any, cells: Cells, n_inputs: int) -> Cells:
    """Output cells (n_rows, n_outputs) of a step as input cells (n_rows, n_inputs).

    NaN in the columns that the step cannot give back.
    """
    restore = _RESTORE.get(type(step).__name__, _by_inverse)
    try:
        found = restore(step, cells, n_inputs)
    except Exception:  # a step raises any of many kinds for cells that it was not fitted on
        found = None
    if found is None or np.shape(found) != (len(cells), n_inputs):
        return np.full((len(cells), n_inputs), np.nan, dtype=object)
    return np.asarray(found, dtype=object)


def _single(n_columns: int) -> Origins:
    return [frozenset([j]) for j in range(n_columns)]


def _is_one_to_one(step: Any) -> bool:
    """Whether a step is passed through, or is a function that keeps its columns."""
    return _is_passed_through(step) or getattr(step, "feature_names_out", None) == "one-to-one"


def _is_passed_through(step: Any) -> bool:
    return step is None or (isinstance(step, str) and step == "passthrough")


def _of_pipeline(pipeline: Any, n_inputs: int, n_outputs: int) -> Origins | None:
    steps = [step for _, step in pipeline.steps if not _is_passed_through(step)]
    widths = [getattr(step, "n_features_in_", None) for step in steps[1:]]
    found = _single(n_inputs)
    for step, width in zip(steps, [*widths, n_outputs][: len(steps)], strict=True):
        if width is None:
            return None
        own = origins(step, len(found), width)
        found = [frozenset().union(*(found[j] for j in below)) for below in own]
    return found


def _of_columns(transformer: Any, n_inputs: int, n_outputs: int) -> Origins:
    found: Origins = [frozenset(range(n_inputs))] * n_outputs
    for step, inputs, outputs in _parts(transformer):
        below = origins(step, len(inputs), outputs.stop - outputs.start)
        found[outputs] = [frozenset(inputs[j] for j in one) for one in below]
    return found


def _parts(transformer: Any) -> list[tuple[Any, list[int], slice]]:
    """The steps of a ColumnTransformer with columns, the positions of these, and those of their outputs."""
    inputs, outputs = transformer._transformer_to_input_indices, transformer.output_indices_
    return [
        (step, inputs[name], outputs[name])
        for name, step, _ in transformer.transformers_
        if outputs[name].stop > outputs[name].start
    ]


def _of_union(union: Any, n_inputs: int, n_outputs: int) -> Origins | None:
    found: Origins = []
    for _, step in union.transformer_list:
        if isinstance(step, str) and step == "drop":
            continue
        width = n_inputs if _is_passed_through(step) else len(step.get_feature_names_out())
        found += origins(step, n_inputs, width)
    return found


def _of_one_hot(encoder: Any, n_inputs: int, _: int) -> Origins:
    return [frozenset([j]) for j in range(n_inputs) for _ in range(encoder._n_features_outs[j])]


def _of_bins(binner: Any, n_inputs: int, _: int) -> Origins | None:
    if binner.encode == "ordinal":
        return _single(n_inputs)
    return [frozenset([j]) for j, n_bins in enumerate(binner.n_bins_) for _ in range(n_bins)]


def _of_imputer(imputer: Any, n_inputs: int, _: int) -> Origins:
    flags = getattr(imputer, "indicator_", None)
    flagged = flags.features_.tolist() if flags is not None else []
    return [frozenset([j]) for j in [*_kept(imputer), *flagged]]


def _kept(imputer: Any) -> list[int]:
    """The columns whose values an imputer returns; without an option it drops those that were empty."""
    if imputer.keep_empty_features:
        return list(range(imputer.n_features_in_))
    has_values = getattr(imputer, "_valid_mask", None)
    has_values = _is_present(imputer.statistics_) if has_values is None else has_values
    return np.flatnonzero(has_values).tolist()


def _is_present(values: Cells) -> NDArray[np.bool_]:
    return np.array([value is not None and value == value for value in values], dtype=bool)


_ORIGINS: Mapping[str, Callable[[Any, int, int], Origins | None]] = {
    "ColumnTransformer": _of_columns,
    "FeatureUnion": _of_union,
    "KBinsDiscretizer": _of_bins,
    "KNNImputer": _of_imputer,
    "OneHotEncoder": _of_one_hot,
    "Pipeline": _of_pipeline,
    "SimpleImputer": _of_imputer,
}


def _pipeline_restored(pipeline: Any, cells: Cells, n_inputs: int) -> Cells:
    steps = [step for _, step in pipeline.steps if not _is_passed_through(step)]
    widths = [n_inputs, *(step.n_features_in_ for step in steps[1:])][: len(steps)]
    for step, width in zip(reversed(steps), reversed(widths), strict=True):
        cells = restored(step, cells, width)
    return cells


def _columns_restored(transformer: Any, cells: Cells, n_inputs: int) -> Cells:
    found = np.full((len(cells), n_inputs), np.nan, dtype=object)
    for step, inputs, outputs in reversed(_parts(transformer)):
        found[:, inputs] = restored(step, cells[:, outputs], len(inputs))
    return found


def _imputer_restored(imputer: Any, cells: Cells, n_inputs: int) -> Cells:
    """The values without the flags of missing ones, which follow them."""
    found, kept = np.full((len(cells), n_inputs), np.nan, dtype=object), _kept(imputer)
    found[:, kept] = cells[:, : len(kept)]
    return found


def _ordinal_restored(encoder: Any, cells: Cells, _: int) -> Cells:
    """The categories whose codes are nearest."""
    last = [len(categories) - 1 for categories in encoder.categories_]
    codes = np.clip(np.rint(cells.astype(np.float64)), 0, last)
    return np.asarray(encoder.inverse_transform(codes))


def _function_restored(step: Any, cells: Cells, n_inputs: int) -> Cells | None:
    """Nothing for a function without an inverse, which scikit-learn takes for the identity."""
    if step.func is not None and step.inverse_func is None:
        return None
    return _by_inverse(step, cells, n_inputs)


def _by_inverse(step: Any, cells: Cells, _: int) -> Cells | None:
    if _is_passed_through(step):
        return cells
    if not hasattr(step, "inverse_transform"):
        return None
    return np.asarray(step.inverse_transform(cells.astype(np.float64)))


_RESTORE: Mapping[str, Callable[[Any, Cells, int], Cells | None]] = {
    "ColumnTransformer": _columns_restored,
    "FeatureUnion": lambda union, cells, n_inputs: None,
    "FunctionTransformer": _function_restored,
    "KNNImputer": _imputer_restored,
    "OrdinalEncoder": _ordinal_restored,
    "Pipeline": _pipeline_restored,
    "SimpleImputer": _imputer_restored,
}
