"""explain_frame: what lowered the scores of rows, through a whole Pipeline, in the names that went in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from anomaly_vae.columns.frames import converted
from anomaly_vae.errors import InputError
from anomaly_vae.reason_frames import columns_of, reasons_frame
from anomaly_vae.step_origins import origins, restored


def explain_frame(model: Any, X: ArrayLike | pd.DataFrame, n_columns: int | None = None) -> pd.DataFrame:
    """What lowered the scores, as a DataFrame with one line per row and column that cost.

    Through a Pipeline it names the columns that went in: the nats of all columns that the steps made from one
    column, such as those of a one-hot encoding, are added up. Columns that steps made from several columns,
    such as those of PCA, keep the names and cells that the detector saw.

    Parameters
    ----------
    model : TabularVAEDetector, TableScorer or Pipeline
        A fitted detector, or a fitted Pipeline that ends in one; also one that was loaded.
    X : array or DataFrame of shape (n_rows, n_features_in_)
        The rows that go into the model.
    n_columns : int, optional
        The most lines per row; all columns that cost by default.

    Returns
    -------
    DataFrame
        ``row`` (the index of the row in X, or its position), ``column``, ``nats`` below the typical
        contribution, ``observed`` and ``expected``, as ``TabularVAEDetector.explain_frame`` gives them.
        ``expected`` is in the units that went in, by the ``inverse_transform`` of the steps; NaN if a step
        has none. The worst column of each row is first.

    Raises
    ------
    InputError
        If the model does not end in a detector of tables.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from anomaly_vae import TabularVAEDetector, explain_frame
    >>> rows = range(60)
    >>> people = pd.DataFrame({"cm": [170.0 + k % 7 for k in rows], "kg": [70.0 + k % 5 for k in rows]})
    >>> model = make_pipeline(StandardScaler(), TabularVAEDetector(max_steps=20, random_state=0)).fit(people)
    >>> odd = pd.DataFrame({"cm": [1.71], "kg": [71.0]}, index=["Ada"])
    >>> explain_frame(model, odd, n_columns=1)[["row", "column", "observed"]].to_dict("records")
    [{'row': 'Ada', 'column': 'cm', 'observed': 1.71}]
    """
    detector = model[-1] if hasattr(model, "steps") else model
    if not hasattr(detector, "explain_frame"):
        raise InputError(
            f"only a detector of tables, or a Pipeline that ends in one, explains columns; got {type(model)}"
        )
    if detector is model:
        frame: pd.DataFrame = model.explain_frame(X, n_columns)
        return frame
    return _through_steps(model, detector, X, n_columns)


def _through_steps(model: Any, detector: Any, X: Any, n_columns: int | None) -> pd.DataFrame:
    steps, given = model[:-1], _as_table(X)
    read = steps.transform(X) if len(steps) else X
    changes, names = detector._changes(read), detector._contribution_names()
    if len(changes) != len(given):
        raise InputError(f"the steps made {len(changes)} rows of {len(given)}; leave the one that does out")
    n_inputs, n_read = given.shape[1], detector.n_features_in_
    sources = origins(steps, n_inputs, n_read)
    seen, expected = columns_of(_as_table(read)), detector.reconstruct(read)
    back = columns_of(restored(steps, np.asarray(expected, dtype=object), n_inputs))
    inputs = columns_of(given)
    groups = _groups(sources, len(names), n_inputs)
    labels = [*map(str, _input_names(model, given)), *names]
    observed = inputs | {n_inputs + j: cells for j, cells in seen.items()}
    wanted = back | {n_inputs + j: cells for j, cells in columns_of(expected).items()}
    added, kept = _added(changes, groups)
    return reasons_frame(
        given.index,
        [labels[k] for k in kept],
        added,
        {at: observed[k] for at, k in enumerate(kept) if k in observed},
        {at: wanted[k] for at, k in enumerate(kept) if k in wanted},
        n_columns,
    )


def _groups(sources: Sequence[frozenset[int]], n_contributions: int, n_inputs: int) -> list[int]:
    """The group of each contribution: its only input column, or ``n_inputs`` plus its own position."""
    groups = [n_inputs + j for j in range(n_contributions)]
    for j, below in enumerate(sources):
        if len(below) == 1:
            (groups[j],) = below
    return groups


def _added(changes: NDArray[np.float64], groups: list[int]) -> tuple[NDArray[np.float64], list[int]]:
    """The sum of the changes of each group, and the groups, ascending."""
    kept, at = np.unique(groups, return_inverse=True)
    added = np.zeros((len(changes), len(kept)))
    np.add.at(added.T, at, changes.T)
    return added, kept.tolist()


def _as_table(X: Any) -> pd.DataFrame:
    X = converted(X)
    return X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X, dtype=object)).infer_objects()


def _input_names(model: Any, given: pd.DataFrame) -> Sequence[Any]:
    """The names of the columns that go in; x0, x1, ... without any."""
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        return list(names)
    is_named = all(isinstance(name, str) for name in given.columns)
    return list(given.columns) if is_named else [f"x{j}" for j in range(given.shape[1])]
