"""Pipeline: scikit-learn's, as ``load`` gives it, in which every failure of a step is one error of one line.

The steps of a loaded Pipeline are checked, and still a step may be unable to read some rows. Steps of
scikit-learn then raise many kinds of exception, some of them many lines long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sklearn.pipeline
from sklearn.utils.metaestimators import available_if

from anomaly_vae.errors import AnomalyVAEError, StepError

_MAX_REASON = 200


class Pipeline(sklearn.pipeline.Pipeline):
    """A fitted Pipeline from a model file.

    Its methods raise StepError, an InputError, where a step cannot read the rows, and what a detector raises
    as it is.
    """


@contextmanager
def _step_errors() -> Iterator[None]:
    try:
        yield
    except (AnomalyVAEError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:_MAX_REASON]
        raise StepError(f"a step of the Pipeline cannot read these rows ({reason})") from error


def _has(name: str) -> Callable[[Any], bool]:
    """Whether the last step has a method; scikit-learn raises AttributeError where it does not."""
    return lambda pipeline: bool(getattr(super(Pipeline, pipeline), name))


def _guarded(name: str) -> Any:
    def method(self: Pipeline, *arguments: Any, **named: Any) -> Any:
        with _step_errors():
            return getattr(super(Pipeline, self), name)(*arguments, **named)

    method.__name__ = name
    method.__doc__ = f"``{name}`` of scikit-learn's Pipeline; raises StepError where a step cannot read X."
    return available_if(_has(name))(method)


for _name in ("decision_function", "predict", "score", "score_samples", "transform"):
    setattr(Pipeline, _name, _guarded(_name))
