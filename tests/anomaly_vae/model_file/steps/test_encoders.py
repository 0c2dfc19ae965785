"""A forged OneHotEncoder would write outside its memory; it is refused before it can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder

from anomaly_vae import ModelFileError, load, save
from tests.anomaly_vae import forging

COLOURS = np.array([["a", 1], ["b", 2], ["b", 3], ["c", 4], [None, np.nan]] * 3, dtype=object)
NUMBERS = np.array([[0.0], [1.0], [2.0], [2.0], [np.nan]])


def fitted(X: Any = NUMBERS, **parameters: Any) -> OneHotEncoder:
    return OneHotEncoder(**parameters).fit(X)


@pytest.mark.parametrize(
    "encoder",
    [
        fitted(),
        fitted(COLOURS),
        fitted(COLOURS.astype(str)),
        fitted(COLOURS, drop="first", handle_unknown="ignore"),
        fitted(COLOURS, drop="if_binary"),
        fitted(COLOURS, max_categories=2, handle_unknown="infrequent_if_exist"),
        fitted(COLOURS, min_frequency=4, drop="first"),
        fitted(np.array([[True], [False]])),
        fitted(categories=[[0, 1, 2, np.nan]]),
        OneHotEncoder(),
        ColumnTransformer([("a", OneHotEncoder(), [0])]).fit(NUMBERS),
        KBinsDiscretizer(3, strategy="uniform").fit(np.arange(9.0)[:, None]),
    ],
)
def test_what_fit_made_is_consistent(encoder: Any) -> None:
    """No fitted encoder is refused, whatever its options."""
    forging.rebuilt(encoder)


def set_width(encoder: Any) -> None:
    encoder._n_features_outs = [1]


def unsort(encoder: Any) -> None:
    encoder.categories_ = [encoder.categories_[0][::-1].copy()]


def unsort_objects(encoder: Any) -> None:
    encoder.categories_ = [np.array([2.0, 1.0, 0.0, "x"], dtype=object)]


def add_category(encoder: Any) -> None:
    encoder.categories_ = [np.append(encoder.categories_[0], 9.0)]


def add_feature(encoder: Any) -> None:
    encoder.categories_ = encoder.categories_ * 2


def drop_outside(encoder: Any) -> None:
    encoder._drop_idx_after_grouping = np.array([-5], dtype=object)


def map_outside(encoder: Any) -> None:
    encoder._infrequent_enabled = True
    encoder._infrequent_indices = [None]
    encoder._default_to_infrequent_mappings = [np.array([0, 1, 2, 10**9])]


def map_negative(encoder: Any) -> None:
    encoder._infrequent_enabled = True
    encoder._infrequent_indices = [None]
    encoder._default_to_infrequent_mappings = [np.array([0, 1, 2, -(10**9)])]


def map_unknown(encoder: Any) -> None:
    encoder._infrequent_enabled = True
    encoder._infrequent_indices = [np.array([10**9])]
    encoder._default_to_infrequent_mappings = [None]


def map_longer(encoder: Any) -> None:
    encoder._infrequent_enabled = True
    encoder._infrequent_indices = [np.array([4])]
    encoder._default_to_infrequent_mappings = [np.array([0, 1, 2, 3, 10**9])]


def flatten(encoder: Any) -> None:
    encoder.categories_ = [encoder.categories_[0].reshape(2, 2)]


def in_columns(encoder: Any) -> Any:
    columns = ColumnTransformer([("a", OneHotEncoder(), [0])]).fit(NUMBERS)
    columns.transformers_ = [("a", encoder, [0])]
    return columns


def in_a_union(encoder: Any) -> Any:
    return FeatureUnion([("a", encoder)])


FORGERIES = [
    set_width,
    unsort,
    unsort_objects,
    add_category,
    add_feature,
    drop_outside,
    map_outside,
    map_negative,
    map_unknown,
    map_longer,
    flatten,
]


@pytest.mark.parametrize("change", FORGERIES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("wrap", [lambda e: e, in_columns, in_a_union], ids=["bare", "columns", "union"])
def test_an_encoder_that_fit_did_not_make_is_refused(
    change: Callable[[Any], None], wrap: Callable[[Any], Any]
) -> None:
    """Wherever it is, one code outside the output is enough."""
    encoder = fitted()
    change(encoder)
    with pytest.raises(
        ModelFileError, match="codes fall outside|not an ordered list|has size|not an array of"
    ):
        forging.rebuilt(wrap(encoder))


def test_load_refuses_it(tmp_path: Path) -> None:
    """The law stands in the way of a file, not only of an object."""

    def change(root: Any, _: Any) -> None:
        outer = forging.attributes(root, 0)
        encoder = outer["transformers_"]["content"][1]["content"][1]
        encoder["content"]["content"]["_n_features_outs"]["content"][0] = forging.value(1)

    path = forging.forge(tmp_path / "model.avae", forging.encoded(), change)
    with pytest.raises(ModelFileError, match="codes fall outside"):
        load(path)


def test_an_empty_feature_is_refused() -> None:
    """There is nothing to encode, and numpy would say so with a trace."""
    encoder = fitted()
    encoder.categories_ = [np.empty(0)]
    with pytest.raises(ModelFileError, match="not an ordered list of categories"):
        forging.rebuilt(encoder)


def test_a_grouping_encoder_survives_a_round_trip(tmp_path: Path) -> None:
    """Rare categories stay grouped after save and load."""
    encoder = fitted(COLOURS[:, :1], max_categories=2, handle_unknown="infrequent_if_exist")
    detector = forging.untrained().fit(encoder.transform(COLOURS[:, :1]).toarray())
    model = Pipeline([("encode", encoder), ("detector", detector)])
    save(model, tmp_path / "model.avae")
    again = load(tmp_path / "model.avae").steps[0][1]
    X = np.array([["a"], ["z"], [None]], dtype=object)
    np.testing.assert_array_equal(again.transform(X).toarray(), encoder.transform(X).toarray())
