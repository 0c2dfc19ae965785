"""Checks of fitted encoders, without which compiled code would write outside its memory.

OneHotEncoder passes its codes to SciPy as column positions, and SciPy writes there without a check. After
``fit`` the codes are consistent; in a forged file they may not be. No other step of a model file passes its
own positions to compiled code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import ModelFileError
from anomaly_vae.model_file.steps.rules import Context, array, narrow, shown


def categories(value: Any, context: Context) -> NDArray[Any]:
    """Rule: the categories of one column, in an order that scikit-learn can search."""
    values: NDArray[Any] = array("*", "OUSbiufMm", nan=True, infinite=True)(value, Context(context.rebuild))
    if not len(values) or not narrow(values) or not _is_ordered(values):
        raise ModelFileError(f"is not an ordered list of categories, but {shown(value)}")
    return values


def check_one_hot(encoder: Any) -> None:
    """Raise ModelFileError unless every code of a fitted OneHotEncoder is a column of the output."""
    n_columns = encoder.n_features_in_
    widths, dropped = encoder._n_features_outs, encoder._drop_idx_after_grouping
    _check_columns(encoder, n_columns)
    _require(encoder, len(widths) == n_columns and (dropped is None or len(dropped) == n_columns))
    for column in range(n_columns):
        drop = None if dropped is None else dropped[column]
        _require(encoder, _fits(_codes(encoder, column), widths[column], drop))
    for column, position in enumerate([] if encoder.drop_idx_ is None else encoder.drop_idx_):
        _require(encoder, position is None or 0 <= position < len(encoder.categories_[column]))


def check_ordinal(encoder: Any) -> None:
    """Raise ModelFileError unless every code of a fitted OrdinalEncoder is the position of a category."""
    _check_columns(encoder, encoder.n_features_in_)
    for column in range(encoder.n_features_in_):
        _require(encoder, _inside(_codes(encoder, column), len(encoder.categories_[column])))
    for column, position in encoder._missing_indices.items():
        _require(encoder, 0 <= column < encoder.n_features_in_)
        _require(encoder, 0 <= position < len(encoder.categories_[column]))


def _check_columns(encoder: Any, n_columns: int) -> None:
    """Raise ModelFileError unless each column has categories, and a mapping if rare ones are grouped."""
    lists = [encoder.categories_]
    if encoder._infrequent_enabled:
        lists += [encoder._infrequent_indices, encoder._default_to_infrequent_mappings]
    _require(encoder, all(len(values) == n_columns for values in lists))


def _is_ordered(values: NDArray[Any]) -> bool:
    """Whether categories are distinct, and numbers and dates ascend, so that they can be searched."""
    if values.dtype.kind in "US":
        return len(np.unique(values)) == len(values)
    if values.dtype != object:
        return _ascend(values)
    if not all(isinstance(value, bool | int | float | str | np.generic | None) for value in values):
        return False
    numbers = [isinstance(value, int | float) for value in values]
    if not any(number and value == value for number, value in zip(numbers, values, strict=True)):
        return len(set(values.tolist())) == len(values)
    # A column of numbers is cast to floats and searched by bisection.
    return all(numbers) and _ascend(values.astype(np.float64))


def _ascend(values: NDArray[Any]) -> bool:
    """Whether each value is greater than the previous one; the last one may be missing."""
    known = values[:-1] if values.dtype.kind in "fMm" and np.isnan(values[-1:]).all() else values
    return bool((known[1:] > known[:-1]).all()) and (
        known.dtype.kind not in "fMm" or not np.isnan(known).any()
    )


def _codes(encoder: Any, column: int) -> NDArray[Any]:
    """All codes that known and unknown categories of a column can get."""
    n_categories = len(encoder.categories_[column])
    codes = np.arange(n_categories)
    if not encoder._infrequent_enabled:
        return codes
    mapping, rare = encoder._default_to_infrequent_mappings[column], encoder._infrequent_indices[column]
    _require(encoder, _inside([] if rare is None else rare, n_categories))
    if mapping is None:
        # Unknown categories become the first rare one, whose code is not mapped here.
        return codes if rare is None else np.append(codes, rare[0])
    # A missing value of an OrdinalEncoder is the last category, and is not mapped.
    n_mapped = n_categories - (column in getattr(encoder, "_missing_indices", {}))
    _require(encoder, len(mapping) == n_mapped and rare is not None and len(rare) > 0)
    return np.asarray(mapping)


def _fits(codes: NDArray[Any], width: Any, dropped: Any) -> bool:
    """Whether each code is a column of an output of ``width`` columns, or is dropped."""
    n_cells = width + (dropped is not None)
    if n_cells != len(np.unique(codes)):
        return False
    return _inside(codes, n_cells) and (dropped is None or 0 <= dropped < n_cells)


def _inside(codes: Any, n_codes: int) -> bool:
    """Whether all codes are at least 0 and less than ``n_codes``."""
    return not len(codes) or bool(np.min(codes) >= 0 and np.max(codes) < n_codes)


def _require(encoder: Any, is_inside: bool) -> None:
    if not is_inside:
        raise ModelFileError(f"holds a {type(encoder).__name__} whose codes fall outside its output")
