"""Sections: the tables of a TOML file as declared types, and one message for whatever does not fit them.

A section is a pydantic model. The ``description`` of a field says what its value must be, in messages too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.times import seconds_of
from anomaly_vae_pipelines.errors import UnknownNameError


class Section(BaseModel):
    """A table of the file: types are strict, and a key that is not declared is a mistake."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


S = TypeVar("S", bound=Section)


def seconds_from(value: object) -> float:
    """Seconds of a duration; raises ValueError for anything else."""
    return seconds_of(value if isinstance(value, str) else "")


def positive_seconds_from(value: object) -> float:
    """Seconds of a duration longer than 0; raises ValueError for anything else."""
    if seconds := seconds_from(value):
        return seconds
    raise ValueError(value)


_DURATION = 'such as "30s", "15m", "2h" or "1d"'

Text = Annotated[str, Field(min_length=1, description="a text that is not empty")]
NameTuple = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    AfterValidator(lambda names: tuple(dict.fromkeys(names))),
]
Names = Annotated[NameTuple, Field(strict=False, description='a list of names such as ["host"]')]
Seconds = Annotated[float, BeforeValidator(seconds_from), Field(description=f"a duration {_DURATION}")]
PositiveSeconds = Annotated[
    float,
    BeforeValidator(positive_seconds_from),
    Field(description=f"a duration longer than 0, {_DURATION}"),
]
Severity = Annotated[
    Literal["info", "warning", "critical"], Field(description="one of info, warning, critical")
]


def read_section(model: type[S], values: Mapping[str, Any], where: str) -> S:
    """What the values say, as a section.

    Raises
    ------
    InputError
        For the first value that does not fit: where it is, what it must be, and what it is.
    UnknownNameError
        For a key or a choice that does not exist; the message ends with the nearest that does.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # An unknown key goes first: it may be the misspelt name of one that is missing.
        first = min(error.errors(include_url=False), key=lambda each: each["type"] != "extra_forbidden")
    # Outside of the block: a traceback of pydantic shows values, and one may be a secret.
    raise _mistake(first, model.model_fields, values, where)


def read_kind(models: Mapping[str, type[S]], values: Mapping[str, Any], where: str) -> S:
    """The section of the kind that the values name; raises as ``read_section``."""
    if "kind" not in values:
        raise InputError(f"{where}: kind is missing; give one of {', '.join(models)}")
    kind = values["kind"]
    if not isinstance(kind, str) or kind not in models:
        raise _wrong(f"{where}: kind must be one of {', '.join(models)}", kind, list(models))
    return read_section(models[kind], values, where)


def read_known(model: type[S], values: Mapping[str, Any], where: str) -> S:
    """The section of the keys that it declares, whatever the values say under others."""
    return read_section(model, {key: values[key] for key in values if key in model.model_fields}, where)


@contextmanager
def located(where: str) -> Iterator[None]:
    """Put the position in the file in front of an InputError that the block raises."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _mistake(
    error: Any, fields: Mapping[str, FieldInfo], values: Mapping[str, Any], where: str
) -> InputError:
    """The error for one mistake that pydantic found."""
    if not error["loc"]:
        return InputError(f"{where}: {error['ctx']['error']}")
    key = error["loc"][0]
    if error["type"] == "extra_forbidden":
        return UnknownNameError(f"{where}: there is no key {key!r}, only {', '.join(fields)}", key, fields)
    parts = [fields[key], *_nested(fields[key].annotation)]
    wanted = next(part.description for part in parts if isinstance(part, FieldInfo) and part.description)
    if error["type"] == "missing":
        return InputError(f"{where}: {key} is missing; give {wanted}")
    choices = [part for part in parts if isinstance(part, str)]
    return _wrong(f"{where}: {key} must be {wanted}", values[key], choices)


def _wrong(problem: str, value: object, choices: list[str]) -> InputError:
    problem = f"{problem}, got {value!r}"
    if choices and isinstance(value, str):
        return UnknownNameError(problem, value, choices)
    return InputError(problem)


def _nested(annotation: Any) -> Iterator[Any]:
    """A type and all that is in it: types, choices, and what describes them."""
    yield annotation
    for part in get_args(annotation):
        yield from _nested(part)
