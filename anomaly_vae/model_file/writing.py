"""Writing a model file: a fitted model to entries of a file, and the reason if it cannot be saved."""

from __future__ import annotations

import copy
import json
import platform
from collections import UserList
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from anomaly_vae._version import __version__
from anomaly_vae.model_file import archive
from anomaly_vae.model_file.archive import SCHEMA, Entries
from anomaly_vae.model_file.contents import named_types, read_model_tree, steps_of
from anomaly_vae.model_file.reading import FORMAT

if TYPE_CHECKING:
    from anomaly_vae.detectors.image import ImageVAEDetector
    from anomaly_vae.detectors.tabular import TabularVAEDetector

_RECORDED = ("numpy", "pandas", "scikit-learn", "skops", "torch")
_WAY_OUT = (
    "a model file holds no code: use scikit-learn's own transformers with plain parameters "
    "(columns as a list of names), or joblib.dump if you trust pickles"
)
_LISTS_OF_STEPS = ("steps", "transformer_list", "transformers", "transformers_")
_CACHE = "_transformers_feature_names_out"


def dump(model: object) -> Entries:
    """Entries of a model as skops writes them."""
    import skops.io

    data = skops.io.dumps(without_caches(model))
    members = archive.unpack(data, max_bytes=len(data))
    # skops indents its JSON, and the spaces are most of it.
    members[SCHEMA] = json.dumps(json.loads(members[SCHEMA]), separators=(",", ":")).encode()
    return members


def without_caches(step: Any) -> Any:
    """The step as after ``fit``, with classes of scikit-learn only.

    What ``transform`` caches of its output cannot be written, and rows of the user should not be.
    """
    lists = {name: vars(step)[name] for name in _LISTS_OF_STEPS if name in getattr(step, "__dict__", {})}
    if not lists:
        return step.without_memory() if hasattr(step, "without_memory") else step
    import sklearn.pipeline

    from anomaly_vae.model_file.pipeline import Pipeline

    bare = sklearn.pipeline.Pipeline(step.steps) if type(step) is Pipeline else copy.copy(step)
    bare.__dict__.update(vars(step))
    bare.__dict__.pop(_CACHE, None)
    for name, steps in lists.items():
        bare.__dict__[name] = [(first, without_caches(inner), *rest) for first, inner, *rest in steps]
    _list_columns(bare.__dict__)
    return bare


def _list_columns(fitted: dict[str, Any]) -> None:
    """Convert the columns of a ColumnTransformer's remainder to lists; scikit-learn 1.6 wraps them."""
    if "_remainder" in fitted:
        fitted["_remainder"] = _plain_lists(fitted["_remainder"])
        fitted["transformers_"] = [_plain_lists(step) for step in fitted["transformers_"]]


def _plain_lists(step: tuple[Any, ...]) -> tuple[Any, ...]:
    # The attribute `data`, because the wrapper warns when it is iterated.
    return tuple(part.data if isinstance(part, UserList) else part for part in step)


def culprit(model: Any, error: Exception) -> str:
    """The message why a model cannot be saved, with the name of the step that causes it."""
    for name, step in steps_of(model):
        try:
            _rebuild_part(step)
        except Exception as reason:  # skops raises many kinds of exception
            return f"step {name!r} ({type(step).__name__}) cannot be saved ({reason}); {_WAY_OUT}"
    return f"the model cannot be saved ({error}); {_WAY_OUT}"


def _rebuild_part(step: Any) -> None:
    """Raise the error that prevents a step from being saved, if there is one."""
    from anomaly_vae.model_file.rebuild import DETECTORS, rebuild, rebuild_step

    if isinstance(step, str | None):
        return
    root = read_model_tree(dump(step))
    rebuild(root) if root.name in DETECTORS else rebuild_step(root)


def describe(model: Any, detector: ImageVAEDetector | TabularVAEDetector) -> dict[str, Any]:
    """The metadata of a file, without its self-test."""
    libraries = {package: version(package) for package in _RECORDED}
    return {
        **detector.metadata(),
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"anomaly-vae": __version__, "python": platform.python_version(), **libraries},
        "steps": named_types(model),
    }
