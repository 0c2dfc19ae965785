"""nearest_normal: the nearest normal rows of a fitted model, also through the steps of a Pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from anomaly_vae.columns.frames import converted
from anomaly_vae.errors import InputError
from anomaly_vae.nearest.tables import NearestNormal

if TYPE_CHECKING:
    import pandas as pd


def nearest_normal(model: Any, X: ArrayLike | pd.DataFrame, n_columns: int | None = None) -> Any:
    """``nearest_normal(X)`` of a detector or scorer of tables, or of the one at the end of a Pipeline.

    In a Pipeline the change is searched in the columns that the detector receives, and the steps before it
    are inverted. Columns whose values the steps only scale keep their unchanged cells. Rows that are below
    the threshold after that are not answered.

    Parameters
    ----------
    model : TabularVAEDetector, TableScorer or Pipeline
        Fitted. Each step before the detector needs ``inverse_transform``.
    X : array or DataFrame of shape (n_rows, n_columns)
        In the columns and units that the model takes.
    n_columns : int, optional
        The most columns to change in a row; all by default.

    Returns
    -------
    rows : array or DataFrame of shape (n_rows, n_columns)
        As ``TabularVAEDetector.nearest_normal`` returns them.

    Raises
    ------
    InputError
        If the model is not one of tables, or a step cannot be inverted.

    Examples
    --------
    >>> import numpy as np
    >>> from anomaly_vae import TabularVAEDetector, nearest_normal
    >>> size = np.random.default_rng(0).normal(size=(300, 1))
    >>> detector = TabularVAEDetector(novelty=True, random_state=0).fit(np.hstack([size, 2 * size]))
    >>> answer = nearest_normal(detector, [[0.5, 9.0]])
    >>> float(answer[0, 0]), bool(answer[0, 1] < 3.0), detector.predict(answer).tolist()
    (0.5, True, [1])
    """
    steps = [step for _, step in getattr(model, "steps", [("", model)])]
    detector = steps.pop()
    if not isinstance(detector, NearestNormal):
        raise InputError(f"nearest_normal takes a fitted model of tables, got {type(detector).__name__}")
    for step in steps:
        _check_can_be_inverted(step)
    if not steps:
        return detector.nearest_normal(X, n_columns)
    return _through(model, detector, converted(X), n_columns)


def _check_can_be_inverted(step: Any) -> None:
    """Raise InputError for a step without an inverse; a FunctionTransformer has one only if it is given."""
    is_function = hasattr(step, "inverse_func") and hasattr(step, "func")
    without = is_function and step.func is not None and step.inverse_func is None
    if step is None or step == "passthrough" or (hasattr(step, "inverse_transform") and not without):
        return
    raise InputError(
        f"nearest_normal inverts each step of the Pipeline, and {type(step).__name__} cannot be inverted; "
        f"call it on the detector with the transformed rows"
    )


def _through(model: Any, detector: NearestNormal, X: Any, n_columns: int | None) -> Any:
    """Answers of the detector, inverted; rows that then score too low are missing."""
    import pandas as pd

    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X))
    before = model[:-1].transform(X)
    after = detector.nearest_normal(before, n_columns)
    inputs, answers = (pd.DataFrame(rows).reset_index(drop=True) for rows in (before, after))
    flagged = np.flatnonzero(detector.score_samples(before) < detector.offset_)
    answered = flagged[~answers.iloc[flagged].isna().all(axis=1).to_numpy()]
    result = frame.copy()
    if len(answered):
        rows = after.iloc[answered] if isinstance(after, pd.DataFrame) else after[answered]
        inverted = pd.DataFrame(np.asarray(model[:-1].inverse_transform(rows)))
        one_to_one = inputs.shape[1] == frame.shape[1] and _is_one_to_one(inputs, frame)
        for j in range(frame.shape[1]):
            values = inverted.iloc[:, j].to_numpy()
            cells = frame.iloc[answered, j].to_numpy()
            if pd.api.types.is_integer_dtype(frame.dtypes.iloc[j]):
                values = np.rint(values.astype(np.float64)).astype(frame.dtypes.iloc[j])
            if one_to_one:
                same = (answers.iloc[answered, j] == inputs.iloc[answered, j]).to_numpy()
                values = np.where(same, cells, values)
            column = frame.iloc[:, j].to_numpy(copy=True)
            column[answered] = values
            result.isetitem(j, column)
        given = result.iloc[answered] if frame is X else result.iloc[answered].to_numpy()
        answered = answered[model.score_samples(given) >= detector.offset_]
    missed = np.setdiff1d(flagged, answered)
    if len(missed):
        result = result.mask(pd.Series(np.isin(np.arange(len(result)), missed), index=result.index))
    return result if frame is X else result.to_numpy()


def _is_one_to_one(inputs: pd.DataFrame, frame: pd.DataFrame) -> bool:
    """Whether each column is a strictly rising function of the same column of the given table."""
    for j in range(frame.shape[1]):
        given = frame.iloc[:, j].to_numpy()
        if given.dtype.kind not in "fiu":
            return False
        order = np.argsort(given, kind="stable")
        steps, changes = np.diff(given[order]), np.diff(inputs.iloc[:, j].to_numpy(dtype=np.float64)[order])
        if ((steps > 0) != (changes > 0)).any() or ((steps == 0) & (changes != 0)).any():
            return False
    return True
