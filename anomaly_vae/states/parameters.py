"""Checks of the parameters of detectors, as the estimators make them with scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anomaly_vae.bounded_json import is_writable
from anomaly_vae.errors import ModelFileError
from anomaly_vae.schema import COLUMN_KINDS

Rules = Mapping[str, Callable[[Any], bool]]

_MOST_LATENTS = 4096
_MOST_PATCH = 64
_MOST_SEED = 2**32 - 1


def table_parameters(state: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters in a state, with a sequence as a tuple.

    Raises
    ------
    ModelFileError
        If one is missing or out of range.
    """
    return _checked(state, TABLE_PARAMETERS)


def image_parameters(state: Mapping[str, Any]) -> dict[str, Any]:
    """As ``table_parameters``, for a detector of images."""
    parameters = _checked(state, IMAGE_PARAMETERS)
    if parameters["complexity"] and parameters["score_type"] != "elbo":
        raise ModelFileError("a parameter of the model is out of range: complexity needs score_type 'elbo'")
    size = parameters["image_size"]
    return parameters | {"image_size": size if isinstance(size, str) else tuple(size)}


def _checked(state: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    for name, is_valid in rules.items():
        if name not in state and name in OPTIONAL:
            continue
        if name not in state:
            raise ModelFileError(f"{name!r} of 'detector' is missing; fit and save the model again")
        if not is_valid(state[name]):
            raise ModelFileError(f"a parameter of the model is out of range: {name!r} is {state[name]!r:.50}")
    parameters = {name: state[name] for name in rules if name in state}
    return parameters | {"hidden_sizes": tuple(parameters["hidden_sizes"])}


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _whole(least: int, most: float = float("inf")) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and least <= value <= most


def _is_positive(value: Any) -> bool:
    return _is_real(value) and value > 0


def _is_not_negative(value: Any) -> bool:
    return _is_real(value) and value >= 0


def _is_share(value: Any) -> bool:
    return _is_real(value) and 0 < value <= 0.5


def _is_inner_share(value: Any) -> bool:
    return _is_real(value) and 0 < value < 1


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float) and value < float("inf")


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_whole(1), value))


def _auto_or(is_valid: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (isinstance(value, str) and value == "auto") or is_valid(value)


def _is_size(value: Any) -> bool:
    return _are_sizes(value) and len(value) == 2


def _one_of(*values: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in values


def _are_kinds(value: Any) -> bool:
    """Whether the value is None or has a kind of column by name."""
    if not isinstance(value, dict):
        return value is None
    return all(isinstance(name, str) and is_writable(name) for name in value) and all(
        isinstance(kind, str) and kind in COLUMN_KINDS for kind in value.values()
    )


OPTIONAL = frozenset({"column_kinds"})
"""Parameters that earlier releases did not have; a file without one has its default."""

_COMMON: Rules = {
    "novelty": _is_bool,
    "contamination": _auto_or(_is_share),
    "latent_dim": _auto_or(_whole(1, _MOST_LATENTS)),
    "hidden_sizes": _are_sizes,
    "learning_rate": _is_positive,
    "validation_fraction": _auto_or(_is_inner_share),
    "device": lambda value: isinstance(value, str),
    "random_state": lambda value: value is None or _whole(0, _MOST_SEED)(value),
    "verbose": lambda value: _is_bool(value) or _whole(0)(value),
}

TABLE_PARAMETERS: Rules = {
    **_COMMON,
    "max_steps": _auto_or(_whole(1)),
    "batch_size": _auto_or(_whole(1)),
    "noise_floor": _auto_or(_is_positive),
    "input_noise": _auto_or(_is_not_negative),
    "early_stopping": _is_bool,
    "column_kinds": _are_kinds,
}
"""By name: whether a value is valid. As in scikit-learn, a boolean is a number."""

IMAGE_PARAMETERS: Rules = {
    **_COMMON,
    "image_size": _auto_or(_is_size),
    "channels": _auto_or(_whole(1)),
    "score_type": _one_of("local", "elbo"),
    "complexity": _is_bool,
    "likelihood": _one_of("per_image", "shared"),
    "patch_size": _whole(1, _MOST_PATCH),
    "max_steps": _whole(1),
    "batch_size": _whole(1),
}
"""The same for images."""
