"""STEPS: scikit-learn's transformers that a model file may hold, and what each may be rebuilt from.

A step is described by its constructor parameters, which scikit-learn's own constraints check once more, and
by its fitted attributes, whose shapes follow from each other. What is not described here is not a step that
a file may hold. Left out on purpose: estimators that hand a file's numbers to compiled code as indices
(trees, neighbours, SVMs), text readers that open files, and sparse matrices.

A name that ends in "?" is an attribute that not every fit, or not every release of scikit-learn, has.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anomaly_vae.errors import ModelFileError
from anomaly_vae.model_file.encoders import categories, check_one_hot, check_ordinal
from anomaly_vae.model_file.rules import (
    Context,
    Rule,
    always,
    array,
    count,
    dict_of,
    dtype,
    either,
    list_of,
    maybe,
    name,
    names,
    number,
    plain,
    positions,
    replaced_by,
    shown,
    size,
    step,
    truth,
    tuple_of,
)
from anomaly_vae.model_file.tree import FUNCTIONS, Described
from anomaly_vae.model_file.widths import MAX_COLUMNS

_SELECTOR = "sklearn.compose._column_transformer.make_column_selector"


@dataclass(frozen=True)
class Step:
    """What a class may be rebuilt from.

    Attributes
    ----------
    fitted : dict of str to Rule
        Attributes that ``fit`` sets, beside the number and names of the input columns.
    params : dict of str to Rule
        Parameters that may be more than plain values, or must be less.
    law : callable, optional
        Raises ModelFileError where fitted attributes contradict each other.
    """

    fitted: Mapping[str, Rule] = field(default_factory=dict)
    params: Mapping[str, Rule] = field(default_factory=dict)
    law: Callable[[Any], None] | None = None


def _function(value: Any, _: Context) -> Any:
    if value is not None and not any(value is function for function in FUNCTIONS.values()):
        raise ModelFileError(f"is not an elementwise function of numpy, but {shown(value)}")
    return value


def _no_cache(value: Any, _: Context) -> None:
    if value is not None:
        raise ModelFileError("names a cache of pickles; set memory=None")


def _empty(value: Any, _: Context) -> Any:
    if value is not None and value != {}:
        raise ModelFileError(f"is not None, but {shown(value)}")
    return value


def _format(value: Any, context: Context) -> Any:
    """True, False, or a format of output names that uses each part at most once and pads nothing."""
    if not isinstance(value, str):
        return truth(value, context)
    name(value, context)
    try:
        fields = [part[1:] for part in string.Formatter().parse(value) if part[1] is not None]
    except ValueError:
        raise ModelFileError(f"is not a valid format, but {shown(value)}") from None
    used = [key for key, _, _ in fields]
    padded = any(spec or conversion for _, spec, conversion in fields)
    if padded or len(set(used)) < len(used) or not set(used) <= {"transformer_name", "feature_name"}:
        raise ModelFileError(
            f"is not a plain format of transformer_name and feature_name, but {shown(value)}"
        )
    return value


def _selector(value: Any, context: Context) -> Any:
    """A make_column_selector, which scikit-learn calls when the step is fitted again."""
    from sklearn.compose import make_column_selector

    if not isinstance(value, Described) or value.name != _SELECTOR:
        raise ModelFileError(f"does not select columns, but is {shown(value)}")
    rules = {"pattern": maybe(name), "dtype_include": either(list_of(_kind), _kind)}
    rules["dtype_exclude"] = rules["dtype_include"]
    if not set(value.state) <= set(rules):
        raise ModelFileError("holds a make_column_selector with unknown attributes")
    return make_column_selector(**{key: rules[key](item, context) for key, item in value.state.items()})


def _number_dtype(value: Any, context: Context) -> Any:
    """A dtype of plain numbers, which codes are written as."""
    if np.dtype(dtype(value, context)).kind not in "iuf":
        raise ModelFileError(f"is not a dtype of numbers, but {shown(value)}")
    return value


def _kind(value: Any, context: Context) -> Any:
    """A dtype, a type such as np.number, or the name of one."""
    return value if isinstance(value, type | np.dtype) else maybe(name)(value, context)


def _position(value: Any, context: Context) -> int:
    """The position of an input column."""
    if not isinstance(value, int | np.integer) or not 0 <= value < context.sizes["n"]:
        raise ModelFileError(f"is not a position of a column, but {shown(value)}")
    return int(value)


def _slice(value: Any, context: Context) -> slice:
    if not isinstance(value, slice):
        raise ModelFileError(f"is not a slice, but {shown(value)}")
    return slice(*(plain(bound, context) for bound in (value.start, value.stop, value.step)))


_LABEL = either(truth, name, count)
_COLUMNS = either(
    list_of(_LABEL), array("*", "iub"), names("*"), _slice, name, lambda value, _: _integer(value), _selector
)
_KIND_OF_STEP = either(always("passthrough"), always("drop"), step())
_NAMED_STEPS = list_of(tuple_of(name, _KIND_OF_STEP, _COLUMNS))
_WEIGHTS = maybe(dict_of(name, number))


def _integer(value: Any) -> int:
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise ModelFileError(f"does not name columns, but is {shown(value)}")
    return int(value)


def _check_polynomials(encoder: Any) -> None:
    """Bound the number of outputs before scikit-learn makes a table of them."""
    low, high = encoder.degree if isinstance(encoder.degree, tuple) else (0, encoder.degree)
    n, n_outputs = encoder.n_features_in_, 0
    if n > MAX_COLUMNS:
        raise ModelFileError(f"takes more than {MAX_COLUMNS:,} columns")
    for degree in range(low, min(high, 64) + 1):
        n_outputs += math.comb(n, degree) if encoder.interaction_only else math.comb(n + degree - 1, degree)
        if n_outputs > MAX_COLUMNS or high > 64:
            raise ModelFileError(f"makes more than {MAX_COLUMNS:,} columns")
    # All that it learns follows from the number of columns.
    encoder.__dict__.update(vars(type(encoder)(**encoder.get_params()).fit(np.zeros((1, n)))))


def _check_present(**attributes: str) -> Callable[[Any], None]:
    """A law: where a parameter is true, the attribute that it makes ``transform`` use is there."""

    def check(step: Any) -> None:
        for parameter, attribute in attributes.items():
            if getattr(step, parameter) and step.__dict__.get(attribute) is None:
                raise ModelFileError(f"holds a {type(step).__name__} with {parameter} and no {attribute}")

    return check


def _check_all(*laws: Callable[[Any], None]) -> Callable[[Any], None]:
    """A law: all of these hold."""

    def check(step: Any) -> None:
        for law in laws:
            law(step)

    return check


def _check_components(reducer: Any) -> None:
    """A law: no more components than columns, since some steps make a square matrix of them."""
    n_components, n_columns = reducer.components_.shape
    if n_components > n_columns:
        raise ModelFileError(f"holds a {type(reducer).__name__} of more components than columns")


def _check_bins(binner: Any) -> None:
    edges, n_bins = binner.bin_edges_, binner.n_bins_
    sound = all(
        isinstance(values, np.ndarray)
        and values.shape == (n + 1,)
        and values.dtype.kind == "f"
        and not np.isnan(values).any()
        and bool((np.diff(values) >= 0).all() if np.isfinite(values).all() else n == 1)
        for values, n in zip(edges, n_bins.tolist(), strict=True)
    )
    if not sound or (binner.encode != "ordinal") != hasattr(binner, "_encoder"):
        raise ModelFileError("holds a KBinsDiscretizer whose edges do not make its bins")
    if binner.encode != "ordinal":
        known = binner._encoder.categories_
        if len(known) != len(n_bins) or not all(
            np.array_equal(values, np.arange(n)) for values, n in zip(known, n_bins.tolist(), strict=True)
        ):
            raise ModelFileError("holds a KBinsDiscretizer whose encoder has other bins")


def _check_knn(imputer: Any) -> None:
    missing = np.isnan(imputer._fit_X) if imputer.missing_values != imputer.missing_values else None
    if missing is not None and not np.array_equal(missing, imputer._mask_fit_X):
        raise ModelFileError("holds a KNNImputer whose mask does not mark its missing values")


def _check_quantiles(transformer: Any) -> None:
    references, quantiles = transformer.references_, transformer.quantiles_
    known = quantiles[:, ~np.isnan(quantiles).any(axis=0)]
    if (np.diff(references) < 0).any() or (np.diff(known, axis=0) < 0).any() or not len(references):
        raise ModelFileError("holds a QuantileTransformer whose quantiles do not ascend")


def _check_indicator(indicator: Any) -> None:
    if indicator._n_features != indicator.n_features_in_:
        raise ModelFileError("holds a MissingIndicator of another number of columns")


def _inner_indicator(value: Any, context: Context) -> Any:
    """The indicator of an imputer, which hands it a mask of its missing values."""
    indicator = step("MissingIndicator")(value, context)
    if not indicator._precomputed:
        raise ModelFileError("does not take a mask of missing values")
    return indicator


def _check_width(attribute: str) -> Callable[[Any], None]:
    """A law: the inner step has as many columns as the step itself."""

    def check(outer: Any) -> None:
        inner = getattr(outer, attribute, None)
        if inner is not None and inner.n_features_in_ != outer.n_features_in_:
            raise ModelFileError(f"holds a {type(inner).__name__} of another number of columns")

    return check


_check_indicator_of = _check_all(_check_width("indicator_"), _check_present(add_indicator="indicator_"))

_SEEN = either(count, array("n"))
_PER_COLUMN = array("n", nan=True)
_SAMPLES = {"n_samples_seen_?": _SEEN}
_ENCODER_PARAMS = {
    "categories": either(always("auto"), list_of(either(list_of(plain), categories))),
    "dtype": _number_dtype,
}
_ENCODER_FITTED = {
    "categories_": list_of(categories, length="n"),
    "_infrequent_enabled": truth,
    "_infrequent_indices?": list_of(maybe(array("*", "iu"))),
    "_default_to_infrequent_mappings?": list_of(maybe(array("*", "iu"))),
}
_COMPONENTS = {
    "components_": array("k n"),
    "explained_variance_": array("k"),
    "explained_variance_ratio_": array("k", nan=True),
    "singular_values_": array("k"),
}
_INDICATOR = maybe(_inner_indicator)
_DROPPED = maybe(array("n", "Oiu"))

_BY_MODULE: Mapping[str, Mapping[str, Step]] = {
    "sklearn.compose._column_transformer": {
        "ColumnTransformer": Step(
            params={
                "transformers": _NAMED_STEPS,
                "remainder": _KIND_OF_STEP,
                "transformer_weights": _WEIGHTS,
                "verbose_feature_names_out": _format,
            },
            fitted={
                "transformers_": _NAMED_STEPS,
                "_columns": list_of(_COLUMNS),
                "_transformer_to_input_indices": dict_of(name, list_of(_position)),
                "_remainder": tuple_of(name, _KIND_OF_STEP, _COLUMNS),
                "output_indices_": dict_of(name, _slice),
                "sparse_output_": truth,
                "_n_features?": size("n"),
                "_transformers_feature_names_out?": names("*"),
            },
        ),
    },
    "sklearn.decomposition._factor_analysis": {
        "FactorAnalysis": Step(
            params={"noise_variance_init": maybe(array("*"))},
            fitted={
                "components_": array("k n"),
                "mean_": array("n"),
                "noise_variance_": array("n"),
                "loglike_": list_of(number),
                "n_iter_": count,
            },
            law=_check_components,
        ),
    },
    "sklearn.decomposition._fastica": {
        "FastICA": Step(
            params={"w_init": maybe(array("* *")), "fun_args": maybe(dict_of(name, number))},
            fitted={
                "components_": array("k n"),
                "mixing_": array("n k"),
                "_unmixing": array("k *"),
                "mean_?": array("n"),
                "whitening_?": array("* n"),
                "n_iter_": count,
            },
            law=_check_all(_check_components, _check_present(whiten="whitening_")),
        ),
    },
    "sklearn.decomposition._incremental_pca": {
        "IncrementalPCA": Step(
            fitted={
                **_COMPONENTS,
                "mean_": array("n"),
                "var_": array("n"),
                "n_samples_seen_": count,
                "noise_variance_": number,
                "n_components_": size("k"),
                "batch_size_": count,
            },
            law=_check_components,
        ),
    },
    "sklearn.decomposition._pca": {
        "PCA": Step(
            fitted={
                **_COMPONENTS,
                "mean_": array("n"),
                "noise_variance_": number,
                "n_samples_": count,
                "n_components_": size("k"),
                "_fit_svd_solver?": name,
            },
            law=_check_components,
        ),
    },
    "sklearn.decomposition._truncated_svd": {"TruncatedSVD": Step(fitted=_COMPONENTS, law=_check_components)},
    "sklearn.feature_selection._variance_threshold": {
        "VarianceThreshold": Step(fitted={"variances_": _PER_COLUMN})
    },
    "sklearn.impute._base": {
        "MissingIndicator": Step(
            fitted={
                "_precomputed": truth,
                "_n_features": size("n"),
                "features_": positions("m", "n"),
            },
            law=_check_indicator,
        ),
        "SimpleImputer": Step(
            fitted={
                "statistics_": either(_PER_COLUMN, array("n", "OU")),
                "indicator_?": _INDICATOR,
                "_fit_dtype?": dtype,
                "_fill_dtype?": dtype,
            },
            law=_check_indicator_of,
        ),
    },
    "sklearn.impute._knn": {
        "KNNImputer": Step(
            fitted={
                "_fit_X": array("m n", nan=True),
                "_mask_fit_X": array("m n", "b"),
                "_valid_mask": array("n", "b"),
                "indicator_?": _INDICATOR,
            },
            law=_check_all(_check_knn, _check_indicator_of),
        ),
    },
    "sklearn.kernel_approximation": {
        "Nystroem": Step(
            params={"kernel_params": _empty},
            fitted={
                "components_": array("k n"),
                "normalization_": array("k k"),
                "component_indices_": array("k", "iu"),
                "_n_features_out": size("k"),
            },
        ),
        "RBFSampler": Step(
            fitted={
                "random_weights_": array("n k"),
                "random_offset_": array("k"),
                "_gamma?": number,
                "_n_features_out": size("k"),
            },
        ),
    },
    "sklearn.pipeline": {
        "FeatureUnion": Step(
            params={
                "transformer_list": list_of(tuple_of(name, _KIND_OF_STEP)),
                "transformer_weights": _WEIGHTS,
                "verbose_feature_names_out": truth,
            },
        ),
        "Pipeline": Step(
            params={
                "steps": list_of(tuple_of(name, either(always(None), always("passthrough"), step()))),
                "transform_input": always(None),
            },
        ),
    },
    "sklearn.preprocessing._data": {
        "Binarizer": Step(),
        "MaxAbsScaler": Step(fitted={**_SAMPLES, "max_abs_": _PER_COLUMN, "scale_": _PER_COLUMN}),
        "MinMaxScaler": Step(
            params={"feature_range": tuple_of(number, number)},
            fitted={
                **_SAMPLES,
                **dict.fromkeys(("scale_", "min_", "data_min_", "data_max_", "data_range_"), _PER_COLUMN),
            },
        ),
        "Normalizer": Step(),
        "PowerTransformer": Step(
            fitted={"lambdas_": _PER_COLUMN, "_scaler?": step("StandardScaler")},
            law=_check_all(_check_width("_scaler"), _check_present(standardize="_scaler")),
        ),
        "QuantileTransformer": Step(
            fitted={
                "n_quantiles_": size("q"),
                "references_": array("q"),
                "quantiles_": array("q n", nan=True),
            },
            law=_check_quantiles,
        ),
        "RobustScaler": Step(
            params={"quantile_range": tuple_of(number, number)},
            fitted={"center_": maybe(_PER_COLUMN), "scale_": maybe(_PER_COLUMN)},
            law=_check_present(with_centering="center_", with_scaling="scale_"),
        ),
        "StandardScaler": Step(
            fitted={
                **_SAMPLES,
                "mean_": maybe(_PER_COLUMN),
                "var_": maybe(_PER_COLUMN),
                "scale_": maybe(_PER_COLUMN),
            },
            law=_check_present(with_mean="mean_", with_std="scale_"),
        ),
    },
    "sklearn.preprocessing._discretization": {
        "KBinsDiscretizer": Step(
            params={"n_bins": either(array("*", "iu"), count), "dtype": maybe(dtype)},
            fitted={
                "bin_edges_": array("n", "O"),
                "n_bins_": array("n", "iu"),
                "_encoder?": step("OneHotEncoder"),
            },
            law=_check_bins,
        ),
    },
    "sklearn.preprocessing._encoders": {
        "OneHotEncoder": Step(
            params={**_ENCODER_PARAMS, "drop": either(plain, array("*", "OiufU"))},
            fitted={
                **_ENCODER_FITTED,
                "_n_features_outs": list_of(count),
                "_drop_idx_after_grouping": _DROPPED,
                "drop_idx_": _DROPPED,
            },
            law=check_one_hot,
        ),
        "OrdinalEncoder": Step(
            params=_ENCODER_PARAMS,
            fitted={**_ENCODER_FITTED, "_missing_indices": dict_of(count, count)},
            law=check_ordinal,
        ),
    },
    "sklearn.preprocessing._function_transformer": {
        "FunctionTransformer": Step(
            params={
                "func": _function,
                "inverse_func": _function,
                "kw_args": _empty,
                "inv_kw_args": _empty,
                "feature_names_out": either(always(None), always("one-to-one")),
            },
        ),
    },
    "sklearn.preprocessing._polynomial": {
        "PolynomialFeatures": Step(
            params={"degree": either(tuple_of(count, count), count)},
            fitted=dict.fromkeys(
                ("_min_degree?", "_max_degree?", "n_output_features_?", "_n_out_full?"), replaced_by(None)
            ),
            law=_check_polynomials,
        ),
    },
    "sklearn.random_projection": {
        "GaussianRandomProjection": Step(
            fitted={
                "components_": array("k n"),
                "n_components_": size("k"),
                "_n_features_out": size("k"),
                "inverse_components_?": array("n k"),
            },
        ),
    },
}

STEPS: Mapping[str, Step] = {
    f"{module}.{name}": described for module, steps in _BY_MODULE.items() for name, described in steps.items()
}
"""Every step by the full name of its class."""

CLASSES = frozenset({*STEPS, _SELECTOR})
"""Full names of scikit-learn's classes that a file may describe."""

COMMON_PARAMS: Mapping[str, Rule] = {
    "memory": _no_cache,
    "n_jobs": replaced_by(None),
    "random_state": either(always(None), count),
    "verbose": replaced_by(False),
}
"""Parameters of several steps that are ours to choose, or that a file may not choose freely."""

COMMON_FITTED: Mapping[str, Rule] = {
    "n_features_in_": size("n"),
    "feature_names_in_": names("n"),
    "_sklearn_output_config": dict_of(always("transform"), name),
}
"""Attributes that any fitted step may have."""
