"""STEPS: scikit-learn's transformers that a model file may hold, and what each may be rebuilt from.

A step is described by its constructor parameters, which scikit-learn also validates, and by its fitted
attributes, whose shapes must agree. A file may hold no other steps. Deliberately excluded are estimators that
pass numbers of a file to compiled code as indices (trees, neighbours, SVMs), text vectorizers that open
files, and sparse matrices.

A name that ends in "?" is an attribute that some fits or some releases of scikit-learn do not set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from anomaly_vae.model_file.steps import encoders, laws, parameters
from anomaly_vae.model_file.steps.rules import (
    Rule,
    always,
    array,
    boolean,
    count,
    dict_of,
    dtype,
    either,
    list_of,
    maybe,
    name,
    names,
    number,
    positions,
    replaced_by,
    size,
    step,
    tuple_like,
    tuple_of,
    values,
)


@dataclass(frozen=True)
class Step:
    """The parameters and attributes from which a class may be rebuilt.

    Attributes
    ----------
    fitted : dict of str to Rule
        Attributes that ``fit`` sets, except the number and names of the input columns.
    params : dict of str to Rule
        Parameters that may be other than plain values, or have further restrictions.
    dropped : dict of str to Rule
        Parameters that only some releases of scikit-learn have, with values that have no effect after
        ``fit``. If the installed release lacks the parameter, a file may have such a value.
    law : callable, optional
        Raises ModelFileError if fitted attributes contradict each other.
    """

    fitted: Mapping[str, Rule] = field(default_factory=dict)
    params: Mapping[str, Rule] = field(default_factory=dict)
    dropped: Mapping[str, Rule] = field(default_factory=dict)
    law: Callable[[Any], None] | None = None


_LABEL = either(boolean, name, parameters.integer)
_COLUMNS = either(
    list_of(_LABEL),
    tuple_like(_LABEL),
    array("*", "iub"),
    names("*"),
    parameters.sliced,
    name,
    parameters.integer,
    parameters.selector,
)
_KIND_OF_STEP = either(always("passthrough"), always("drop"), step())
_NAMED_STEPS = list_of(tuple_of(name, _KIND_OF_STEP, _COLUMNS))
_WEIGHTS = maybe(dict_of(name, number))

_INDICATOR_LAW = laws.check_all(
    laws.check_width("indicator_"), laws.check_present(add_indicator="indicator_")
)

_PER_COLUMN = array("n", nan=True)
_SAMPLES = {"n_samples_seen_?": either(count, array("n"))}
_ENCODER_PARAMS = {
    "categories": either(always("auto"), list_of(either(values, encoders.categories))),
    "dtype": parameters.number_dtype,
}
_ENCODER_FITTED = {
    "categories_": list_of(encoders.categories, length="n"),
    "_infrequent_enabled": boolean,
    "_infrequent_indices?": list_of(maybe(array("*", "iu"))),
    "_default_to_infrequent_mappings?": list_of(maybe(array("*", "iu"))),
}
_COMPONENTS = {
    "components_": array("k n"),
    "explained_variance_": array("k"),
    "explained_variance_ratio_": array("k", nan=True),
    "singular_values_": array("k"),
}
_INDICATOR = maybe(parameters.inner_indicator)
_DROPPED = maybe(array("n", "Oiu"))

STEPS: Mapping[str, Step] = {
    "sklearn.compose._column_transformer.ColumnTransformer": Step(
        params={
            "transformers": _NAMED_STEPS,
            "remainder": _KIND_OF_STEP,
            "transformer_weights": _WEIGHTS,
            "verbose_feature_names_out": parameters.output_names,
        },
        dropped={"force_int_remainder_cols": either(boolean, always("deprecated"))},
        fitted={
            "transformers_": _NAMED_STEPS,
            "_columns": list_of(_COLUMNS),
            "_transformer_to_input_indices": dict_of(name, list_of(parameters.position)),
            "_remainder": tuple_of(name, _KIND_OF_STEP, _COLUMNS),
            "output_indices_": dict_of(name, parameters.sliced),
            "sparse_output_": boolean,
            "_n_features?": size("n"),
            "_transformers_feature_names_out?": names("*"),
        },
    ),
    "sklearn.decomposition._factor_analysis.FactorAnalysis": Step(
        params={"noise_variance_init": either(array("*"), values)},
        fitted={
            "components_": array("k n"),
            "mean_": array("n"),
            "noise_variance_": array("n"),
            "loglike_": list_of(number),
            "n_iter_": count,
        },
        law=laws.check_components,
    ),
    "sklearn.decomposition._fastica.FastICA": Step(
        params={"w_init": either(array("* *"), values), "fun_args": maybe(dict_of(name, number))},
        fitted={
            "components_": array("k n"),
            "mixing_": array("n k"),
            "_unmixing": array("k *"),
            "mean_?": array("n"),
            "whitening_?": array("* n"),
            "n_iter_": count,
        },
        law=laws.check_all(laws.check_components, laws.check_present(whiten="whitening_")),
    ),
    "sklearn.decomposition._incremental_pca.IncrementalPCA": Step(
        fitted={
            **_COMPONENTS,
            "mean_": array("n"),
            "var_": array("n"),
            "n_samples_seen_": count,
            "noise_variance_": number,
            "n_components_": size("k"),
            "batch_size_": count,
        },
        law=laws.check_components,
    ),
    "sklearn.decomposition._pca.PCA": Step(
        fitted={
            **_COMPONENTS,
            "mean_": array("n"),
            "noise_variance_": number,
            "n_samples_": count,
            "n_components_": size("k"),
            "_fit_svd_solver?": name,
        },
        law=laws.check_components,
    ),
    "sklearn.decomposition._truncated_svd.TruncatedSVD": Step(fitted=_COMPONENTS, law=laws.check_components),
    "sklearn.feature_selection._variance_threshold.VarianceThreshold": Step(
        fitted={"variances_": _PER_COLUMN},
    ),
    "sklearn.impute._base.MissingIndicator": Step(
        fitted={
            "_precomputed": boolean,
            "_n_features": size("n"),
            "features_": positions("m", "n"),
        },
        law=laws.check_indicator,
    ),
    "sklearn.impute._base.SimpleImputer": Step(
        fitted={
            "statistics_": either(_PER_COLUMN, array("n", "OU")),
            "indicator_?": _INDICATOR,
            "_fit_dtype?": dtype,
            "_fill_dtype?": dtype,
        },
        law=_INDICATOR_LAW,
    ),
    "sklearn.impute._knn.KNNImputer": Step(
        fitted={
            "_fit_X": array("m n", nan=True),
            "_mask_fit_X": array("m n", "b"),
            "_valid_mask": array("n", "b"),
            "indicator_?": _INDICATOR,
        },
        law=laws.check_all(laws.check_knn, _INDICATOR_LAW),
    ),
    "sklearn.kernel_approximation.Nystroem": Step(
        params={"kernel_params": parameters.empty},
        fitted={
            "components_": array("k n"),
            "normalization_": array("k k"),
            "component_indices_": array("k", "iu"),
            "_n_features_out": size("k"),
        },
    ),
    "sklearn.kernel_approximation.RBFSampler": Step(
        fitted={
            "random_weights_": array("n k"),
            "random_offset_": array("k"),
            "_gamma?": number,
            "_n_features_out": size("k"),
        },
    ),
    "sklearn.pipeline.FeatureUnion": Step(
        params={
            "transformer_list": list_of(tuple_of(name, _KIND_OF_STEP)),
            "transformer_weights": _WEIGHTS,
            "verbose_feature_names_out": boolean,
        },
    ),
    "sklearn.pipeline.Pipeline": Step(
        params={
            "steps": list_of(tuple_of(name, either(always(None), always("passthrough"), step()))),
            "transform_input": always(None),
        },
    ),
    "sklearn.preprocessing._data.Binarizer": Step(),
    "sklearn.preprocessing._data.MaxAbsScaler": Step(
        fitted={**_SAMPLES, "max_abs_": _PER_COLUMN, "scale_": _PER_COLUMN},
        dropped={"clip": always(False)},
    ),
    "sklearn.preprocessing._data.MinMaxScaler": Step(
        params={"feature_range": tuple_of(number, number)},
        fitted={
            **_SAMPLES,
            **dict.fromkeys(("scale_", "min_", "data_min_", "data_max_", "data_range_"), _PER_COLUMN),
        },
    ),
    "sklearn.preprocessing._data.Normalizer": Step(),
    "sklearn.preprocessing._data.PowerTransformer": Step(
        fitted={"lambdas_": _PER_COLUMN, "_scaler?": step("StandardScaler")},
        law=laws.check_all(laws.check_width("_scaler"), laws.check_present(standardize="_scaler")),
    ),
    "sklearn.preprocessing._data.QuantileTransformer": Step(
        fitted={
            "n_quantiles_": size("q"),
            "references_": array("q"),
            "quantiles_": array("q n", nan=True),
        },
        law=laws.check_quantiles,
    ),
    "sklearn.preprocessing._data.RobustScaler": Step(
        params={"quantile_range": tuple_of(number, number)},
        fitted={"center_": maybe(_PER_COLUMN), "scale_": maybe(_PER_COLUMN)},
        law=laws.check_present(with_centering="center_", with_scaling="scale_"),
    ),
    "sklearn.preprocessing._data.StandardScaler": Step(
        fitted={
            **_SAMPLES,
            "mean_": maybe(_PER_COLUMN),
            "var_": maybe(_PER_COLUMN),
            "scale_": maybe(_PER_COLUMN),
        },
        law=laws.check_present(with_mean="mean_", with_std="scale_"),
    ),
    "sklearn.preprocessing._discretization.KBinsDiscretizer": Step(
        params={"n_bins": either(array("*", "iu"), values), "dtype": maybe(dtype)},
        dropped={"quantile_method": name},
        fitted={
            "bin_edges_": array("n", "O"),
            "n_bins_": array("n", "iu"),
            "_encoder?": step("OneHotEncoder"),
        },
        law=laws.check_bins,
    ),
    "sklearn.preprocessing._encoders.OneHotEncoder": Step(
        params={**_ENCODER_PARAMS, "drop": either(values, array("*", "OiufU"))},
        fitted={
            **_ENCODER_FITTED,
            "_n_features_outs": list_of(count),
            "_drop_idx_after_grouping": _DROPPED,
            "drop_idx_": _DROPPED,
        },
        law=encoders.check_one_hot,
    ),
    "sklearn.preprocessing._encoders.OrdinalEncoder": Step(
        params=_ENCODER_PARAMS,
        fitted={**_ENCODER_FITTED, "_missing_indices": dict_of(count, count)},
        law=encoders.check_ordinal,
    ),
    "sklearn.preprocessing._function_transformer.FunctionTransformer": Step(
        params={
            "func": parameters.function,
            "inverse_func": parameters.function,
            "kw_args": parameters.empty,
            "inv_kw_args": parameters.empty,
            "feature_names_out": either(always(None), always("one-to-one")),
        },
    ),
    "sklearn.preprocessing._polynomial.PolynomialFeatures": Step(
        params={"degree": either(tuple_of(count, count), list_of(count), count)},
        fitted=dict.fromkeys(
            ("_min_degree?", "_max_degree?", "n_output_features_?", "_n_out_full?"), replaced_by(None)
        ),
        law=laws.check_polynomials,
    ),
    "sklearn.random_projection.GaussianRandomProjection": Step(
        fitted={
            "components_": array("k n"),
            "n_components_": size("k"),
            "_n_features_out": either(always("auto"), size("k")),
            "inverse_components_?": array("n k"),
        },
    ),
}
"""Every step by the full name of its class."""

CLASSES = frozenset({*STEPS, parameters.SELECTOR})
"""Full names of scikit-learn's classes that a file may describe."""

COMMON_PARAMS: Mapping[str, Rule] = {
    "memory": parameters.no_cache,
    "n_jobs": replaced_by(None),
    "random_state": either(always(None), count),
    "verbose": replaced_by(False),
}
"""Parameters of several steps that are replaced, or that a file may not set freely."""

COMMON_FITTED: Mapping[str, Rule] = {
    "n_features_in_": size("n"),
    "feature_names_in_": names("n"),
    "_sklearn_output_config": dict_of(always("transform"), name),
}
"""Attributes that any fitted step may have."""
