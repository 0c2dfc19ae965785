"""Pipeline: the subclass of scikit-learn's Pipeline that ``load`` returns; a failing step raises StepError.

The steps of a loaded Pipeline are checked, but a step may still be unable to read some rows. Steps of
scikit-learn then raise many kinds of exception, some with many lines. StepError has one line.
"""

from __future__ import annotations

from typing import Any

import sklearn.pipeline
from sklearn.utils.metaestimators import available_if

from anomaly_vae.errors import AnomalyVAEError, StepError

_MAX_REASON = 200


class Pipeline(sklearn.pipeline.Pipeline):
    """A fitted Pipeline from a model file.

    Its methods raise StepError, an InputError, if a step cannot read the rows. Errors of a detector are not
    changed.
    """


def _with_step_errors(name: str) -> Any:
    def has_method(pipeline: Any) -> bool:
        """Whether the last step has the method; scikit-learn raises AttributeError if it does not."""
        return bool(getattr(super(Pipeline, pipeline), name))

    def method(self: Pipeline, *arguments: Any, **named: Any) -> Any:
        try:
            return getattr(super(Pipeline, self), name)(*arguments, **named)
        except (AnomalyVAEError, MemoryError):
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:_MAX_REASON]
            raise StepError(f"a step of the Pipeline cannot read these rows ({reason})") from error

    method.__name__ = name
    method.__doc__ = f"``{name}`` of scikit-learn's Pipeline; raises StepError if a step cannot read X."
    return available_if(has_method)(method)


for _name in ("decision_function", "predict", "score", "score_samples", "transform"):
    setattr(Pipeline, _name, _with_step_errors(_name))
