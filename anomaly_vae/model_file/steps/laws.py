"""Laws: conditions on several fitted attributes of a step together; rules check each of them alone.

A law receives a step whose attributes are set, and raises ModelFileError if they contradict each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from anomaly_vae.errors import ModelFileError
from anomaly_vae.model_file.steps.widths import MAX_COLUMNS


def check_polynomials(encoder: Any) -> None:
    """Limit the number of outputs before scikit-learn allocates a table of them."""
    low, high = encoder.degree if isinstance(encoder.degree, tuple | list) else (0, encoder.degree)
    n, n_outputs = encoder.n_features_in_, 0
    if n > MAX_COLUMNS:
        raise ModelFileError(f"takes more than {MAX_COLUMNS:,} columns")
    for degree in range(low, min(high, 64) + 1):
        n_outputs += math.comb(n, degree) if encoder.interaction_only else math.comb(n + degree - 1, degree)
        if n_outputs > MAX_COLUMNS or high > 64:
            raise ModelFileError(f"makes more than {MAX_COLUMNS:,} columns")
    # All fitted attributes follow from the number of columns.
    encoder.__dict__.update(vars(type(encoder)(**encoder.get_params()).fit(np.zeros((1, n)))))


def check_bins(binner: Any) -> None:
    """Each column has ascending edges, one more than it has bins, and the encoder has the same bins."""
    edges, n_bins = binner.bin_edges_, binner.n_bins_
    valid = all(
        isinstance(values, np.ndarray)
        and values.shape == (n + 1,)
        and values.dtype.kind == "f"
        and not np.isnan(values).any()
        and bool((np.diff(values) >= 0).all() if np.isfinite(values).all() else n == 1)
        for values, n in zip(edges, n_bins.tolist(), strict=True)
    )
    if not valid or (binner.encode != "ordinal") != hasattr(binner, "_encoder"):
        raise ModelFileError("holds a KBinsDiscretizer whose edges do not make its bins")
    if binner.encode != "ordinal":
        known = binner._encoder.categories_
        if len(known) != len(n_bins) or not all(
            np.array_equal(values, np.arange(n)) for values, n in zip(known, n_bins.tolist(), strict=True)
        ):
            raise ModelFileError("holds a KBinsDiscretizer whose encoder has other bins")


def check_knn(imputer: Any) -> None:
    """The mask marks the missing values of the rows."""
    missing = np.isnan(imputer._fit_X) if imputer.missing_values != imputer.missing_values else None
    if missing is not None and not np.array_equal(missing, imputer._mask_fit_X):
        raise ModelFileError("holds a KNNImputer whose mask does not mark its missing values")


def check_quantiles(transformer: Any) -> None:
    """References and quantiles ascend."""
    references, quantiles = transformer.references_, transformer.quantiles_
    known = quantiles[:, ~np.isnan(quantiles).any(axis=0)]
    if (np.diff(references) < 0).any() or (np.diff(known, axis=0) < 0).any() or not len(references):
        raise ModelFileError("holds a QuantileTransformer whose quantiles do not ascend")


def check_indicator(indicator: Any) -> None:
    """The indicator was fitted on the columns of the step itself."""
    if indicator._n_features != indicator.n_features_in_:
        raise ModelFileError("holds a MissingIndicator of another number of columns")


def check_width(attribute: str) -> Callable[[Any], None]:
    """A law: the inner step has as many columns as the step itself."""

    def check(outer: Any) -> None:
        inner = getattr(outer, attribute, None)
        if inner is not None and inner.n_features_in_ != outer.n_features_in_:
            raise ModelFileError(f"holds a {type(inner).__name__} of another number of columns")

    return check


def check_present(**attributes: str) -> Callable[[Any], None]:
    """A law: if a parameter is true, the attribute that ``transform`` then uses is set."""

    def check(step: Any) -> None:
        for parameter, attribute in attributes.items():
            if getattr(step, parameter) and step.__dict__.get(attribute) is None:
                raise ModelFileError(f"holds a {type(step).__name__} with {parameter} and no {attribute}")

    return check


def check_all(*laws: Callable[[Any], None]) -> Callable[[Any], None]:
    """A law: all of these laws hold."""

    def check(step: Any) -> None:
        for law in laws:
            law(step)

    return check


def check_components(reducer: Any) -> None:
    """There are no more components than columns, because some steps make a square matrix of them."""
    n_components, n_columns = reducer.components_.shape
    if n_components > n_columns:
        raise ModelFileError(f"holds a {type(reducer).__name__} of more components than columns")
