"""Laws of a fitted OneHotEncoder, without which compiled code would write outside its memory.

OneHotEncoder hands its codes to scipy as column positions, and `toarray` writes there unchecked. `fit` makes
them consistent; a forged file need not. No other transformer that a model file may hold passes a number of
its own to compiled code as a position.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import ModelFileError


def check_one_hot(model: object) -> None:
    """Refuse a model that holds an inconsistent OneHotEncoder at any depth.

    Raises
    ------
    ModelFileError
        If one of its codes could fall outside its output.
    """
    from sklearn.preprocessing import OneHotEncoder

    for item in _held(model, set()):
        # One that was never fitted (the pattern in ColumnTransformer.transformers) refuses to transform.
        if isinstance(item, OneHotEncoder) and hasattr(item, "categories_") and not _is_consistent(item):
            raise ModelFileError("holds a OneHotEncoder whose codes fall outside its output")


def _held(item: object, seen: set[int]) -> Iterator[object]:
    """The object and everything that hangs below it, each once."""
    if id(item) in seen or isinstance(item, str | bytes | np.ndarray | type):
        return
    seen.add(id(item))
    yield item
    if isinstance(item, dict):
        below: list[Any] = list(item.values())
    else:
        below = list(item) if isinstance(item, list | tuple) else list(getattr(item, "__dict__", {}).values())
    for value in below:
        yield from _held(value, seen)


def _is_consistent(encoder: Any) -> bool:
    """Whether every code that the encoder can make lies within the columns of its feature."""
    categories, widths = encoder.categories_, encoder._n_features_outs
    dropped = encoder._drop_idx_after_grouping
    lists = isinstance(categories, list) and isinstance(widths, list) and len(categories) == len(widths)
    return lists and all(
        _is_ordered(values)
        and _fits(
            codes=_codes(encoder, feature, len(values)),
            width=widths[feature],
            dropped=None if dropped is None else dropped[feature],
        )
        for feature, values in enumerate(categories)
    )


def _is_ordered(values: NDArray[Any]) -> bool:
    """Whether the categories of a feature can be looked up: numbers ascend, or none is a number."""
    if values.ndim != 1 or len(values) == 0:
        return False
    if values.dtype == object:
        numbers = [isinstance(value, int | float) for value in values]
        if not any(number and value == value for number, value in zip(numbers, values, strict=True)):
            return True
        if not all(numbers):
            return False
        values = values.astype(np.float64)
    return values.dtype.kind in "USM" or np.array_equal(values, np.sort(values), equal_nan=True)


def _codes(encoder: Any, feature: int, n_categories: int) -> NDArray[Any]:
    """Codes that a feature's categories, and unknown ones, can be given."""
    codes = np.arange(n_categories)
    if not encoder._infrequent_enabled:
        return codes
    mapping, rare = encoder._default_to_infrequent_mappings[feature], encoder._infrequent_indices[feature]
    if mapping is not None:
        return np.asarray(mapping)
    # Unknown categories become the first rare one, which nothing maps on here.
    return codes if rare is None else np.append(codes, rare[0])


def _fits(codes: NDArray[Any], width: Any, dropped: Any) -> bool:
    """Whether the codes are columns of an output `width` wide, or are dropped."""
    n_cells = width + (dropped is not None)
    inside = bool(codes.min() >= 0) and bool(codes.max() < n_cells)
    return inside and (dropped is None or 0 <= dropped < n_cells)
