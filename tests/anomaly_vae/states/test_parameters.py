"""Parameters in a model file: the verdict of the estimator, without scikit-learn."""

from __future__ import annotations

import math
from typing import Any

import pytest

from anomaly_vae import ImageVAEDetector, ModelFileError, TabularVAEDetector
from anomaly_vae.states.parameters import (
    IMAGE_PARAMETERS,
    TABLE_PARAMETERS,
    image_parameters,
    table_parameters,
)

VALUES = (
    *(
        "auto",
        "x",
        "",
        "local",
        "elbo",
        "per_image",
        "shared",
        None,
        True,
        False,
        [],
        (),
        [1],
        (2, 3),
        [0],
        [1.0],
        ["a"],
        {},
        {"a": "categorical", "b": "identifier"},
        {"a": "float"},
        {"a": ["text"]},
        {3: "text"},
        b"auto",
    ),
    *(
        -1,
        0,
        1,
        2,
        64,
        65,
        4096,
        4097,
        2**32 - 1,
        2**32,
        0.0,
        0.3,
        0.5,
        0.6,
        1.0,
        -0.5,
        1e-9,
        math.inf,
        math.nan,
    ),
)


KINDS: dict[Any, Any] = {TabularVAEDetector: TABLE_PARAMETERS, ImageVAEDetector: IMAGE_PARAMETERS}


def estimator_takes(kind: Any, name: str, value: Any) -> bool:
    """Whether an estimator of this kind takes the value."""
    settings = {"score_type": "elbo", name: value} if name == "complexity" else {name: value}
    detector = kind(**settings)
    try:
        detector._validate_params()
        detector._check_parameters()
    except (TypeError, ValueError):
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_the_parameters_are_those_of_the_estimator(kind: Any) -> None:
    """No name more or less."""
    assert set(KINDS[kind]) == set(kind().get_params())


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in KINDS[kind]])
def test_both_take_the_same_values(kind: Any, name: str) -> None:
    """Of each parameter, whatever its type."""
    taken = [repr(value) for value in VALUES if KINDS[kind][name](value)]
    assert taken == [repr(value) for value in VALUES if estimator_takes(kind, name, value)]


def test_sequences_of_images_become_tuples() -> None:
    """And a correction by complexity needs a bound."""
    good = ImageVAEDetector(hidden_sizes=[4], image_size=[8, 9]).get_params()
    assert image_parameters(good) == good | {"hidden_sizes": (4,), "image_size": (8, 9)}
    with pytest.raises(ModelFileError, match="complexity needs score_type 'elbo'"):
        image_parameters(good | {"complexity": True})


def test_a_parameter_that_is_missing_or_wrong_is_named() -> None:
    """In one line; a list becomes a tuple, as in the estimator."""
    good = TabularVAEDetector(hidden_sizes=[4]).get_params()
    assert table_parameters(good) == good | {"hidden_sizes": (4,)}
    with pytest.raises(ModelFileError, match="out of range: 'verbose' is -1"):
        table_parameters(good | {"verbose": -1})
    assert table_parameters({name: good[name] for name in good if name != "column_kinds"}) == {
        name: value for name, value in (good | {"hidden_sizes": (4,)}).items() if name != "column_kinds"
    }
    with pytest.raises(ModelFileError, match="'novelty' of 'detector' is missing"):
        table_parameters({name: value for name, value in good.items() if name != "novelty"})
