"""rebuild: a model from the description in its file; every part is checked before it is set.

A step of scikit-learn is constructed with checked parameters and gets checked attributes, as
``anomaly_vae.model_file.steps`` describes them. A detector checks its own state.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from anomaly_vae.errors import ModelFileError
from anomaly_vae.model_file.steps.catalogue import CLASSES, COMMON_FITTED, COMMON_PARAMS, STEPS, Step
from anomaly_vae.model_file.steps.rules import Context, Rule, plain
from anomaly_vae.model_file.steps.widths import check_widths
from anomaly_vae.model_file.tree import Described

TABLE_DETECTOR = "anomaly_vae.detectors.tabular.TabularVAEDetector"

KEYED_DETECTOR = "anomaly_vae.detectors.per_key.PerKey"

DETECTORS = frozenset({"anomaly_vae.detectors.image.ImageVAEDetector", TABLE_DETECTOR, KEYED_DETECTOR})

ALLOWED = DETECTORS | CLASSES
"""Full names of all classes that a model file may describe."""

_PIPELINE = "sklearn.pipeline.Pipeline"


def rebuild(root: Described) -> Any:
    """The model of a description: a detector, or a Pipeline whose last step is one.

    Raises
    ------
    ModelFileError
        If a parameter or attribute cannot come from a fit; the message names the first one.
    """
    from anomaly_vae.model_file.pipeline import Pipeline

    if root.name in DETECTORS:
        return _detector(root)
    last = _last_step(root)
    if last is None:
        raise ModelFileError(f"holds a {root.name.rpartition('.')[2]}, which does not end in a detector")
    model = _step(root, Context(lambda below: _detector(below) if below is last else rebuild_step(below)))
    check_widths(model)
    checked = Pipeline(model.steps)
    checked.__dict__.update(vars(model))
    return checked


def _last_step(root: Described) -> Described | None:
    """The detector at the end of a Pipeline."""
    steps = root.state.get("steps") if root.name == _PIPELINE else None
    if not isinstance(steps, list) or not steps or not isinstance(steps[-1], tuple) or len(steps[-1]) != 2:
        return None
    last = steps[-1][1]
    return last if isinstance(last, Described) and last.name in DETECTORS else None


def _detector(described: Described) -> Any:
    detector: Any = _class_of(described).__new__(_class_of(described))
    check_plain(described.state)
    detector.__setstate__(described.state)
    return detector


def rebuild_step(described: Described) -> Any:
    """A step that is not the last one of the model; raises ModelFileError as ``rebuild`` does."""
    return _step(described, Context(rebuild_step))


def _step(described: Described, context: Context) -> Any:
    """A step of scikit-learn, constructed from checked parts."""
    if described.name not in STEPS:
        raise ModelFileError(f"holds a {described.name.rpartition('.')[2]} in the place of a step")
    rules, kind = STEPS[described.name], _class_of(described)
    parameters = set(kind._get_param_names())
    state = {key: value for key, value in described.state.items() if key != "_sklearn_version"}
    params = {key: state.pop(key) for key in list(state) if key in parameters}
    for key in (rules.dropped.keys() - parameters) & state.keys():
        _checked(kind, key, state.pop(key), rules.dropped[key], context)
    allowed = {**COMMON_PARAMS, **rules.params}
    built = kind(
        **{key: _checked(kind, key, value, allowed.get(key, plain), context) for key, value in params.items()}
    )
    try:
        if hasattr(kind, "_parameter_constraints"):
            built._validate_params()
    except (TypeError, ValueError) as error:
        raise ModelFileError(
            f"holds a {kind.__name__} with a parameter that is out of range: {error}"
        ) from None
    _set_fitted(built, rules, state, context)
    return built


def _set_fitted(built: Any, rules: Step, state: dict[str, Any], context: Context) -> None:
    """Set the checked attributes; an unfitted step has none."""
    kind = type(built)
    known = {**COMMON_FITTED, **{key.removesuffix("?"): rule for key, rule in rules.fitted.items()}}
    if "n_features_in_" in state:  # first, because other sizes are compared with it
        state = {"n_features_in_": state["n_features_in_"], **state}
    for key, value in state.items():
        if key not in known:
            raise ModelFileError(_unknown(kind, key))
        built.__dict__[key] = _checked(kind, key, value, known[key], context)
    if state.keys() <= {"_sklearn_output_config"}:
        return
    needed = {"n_features_in_"} | {key for key in rules.fitted if not key.endswith("?")}
    for key in sorted(needed - state.keys()):
        raise ModelFileError(f"holds a {kind.__name__} without the attribute {key!r}")
    if rules.law is not None:
        rules.law(built)


def _checked(kind: type, key: str, value: Any, rule: Rule, context: Context) -> Any:
    """The value that the rule returns; an error names the class and the attribute."""
    try:
        return rule(value, context)
    except ModelFileError as error:
        raise ModelFileError(f"{kind.__name__}.{key[:80]} {error}") from None


def _unknown(kind: type, key: str) -> str:
    if hasattr(kind, key):
        return f"holds an attribute {key[:80]!r} that would replace a part of {kind.__name__}"
    return f"holds an attribute {key[:80]!r}, which no {kind.__name__} has"


def _class_of(described: Described) -> Any:
    module, _, name = described.name.rpartition(".")
    return getattr(import_module(module), name)


def check_plain(value: Any) -> None:
    """Raise ModelFileError if the state of a detector holds an object."""
    if isinstance(value, Described):
        raise ModelFileError(f"holds a {value.name.rpartition('.')[2]} inside a detector")
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    for item in below:
        check_plain(item)
