"""keyed_model: the models of keys from the state of a detector, checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from anomaly_vae.columns.keys import KeyColumn
from anomaly_vae.errors import InputError, ModelFileError, SchemaError
from anomaly_vae.explanations import TableExplanations
from anomaly_vae.keyed.models import KeyedModel
from anomaly_vae.states.checks import check_keys, check_whole
from anomaly_vae.states.fitted import check_names, check_training
from anomaly_vae.states.keyed import KeyedState

_FITTED = ("shared_", "keyed_", "n_features_in_", "training_")


def key_column(key: str | int, names: Sequence[str] | None, n_columns: int) -> KeyColumn:
    """The column with this name or position.

    Raises SchemaError if there is none, and InputError for a table without other columns.
    """
    if n_columns < 2:
        raise InputError(
            f"found {n_columns} feature(s) (n_features={n_columns}): wanted the key {key!r} and at least one "
            f"other column"
        )
    if isinstance(key, str):
        if names is None or key not in names:
            shown = "without names" if names is None else ", ".join(names)[:100]
            raise SchemaError(f"there is no column {key!r} for the key; the columns are {shown}")
        return KeyColumn(list(names).index(key))
    if not 0 <= key < n_columns:
        raise SchemaError(f"there is no column {key} for the key; the table has {n_columns} columns, from 0")
    return KeyColumn(int(key))


def keyed_model(state: Mapping[str, Any], shared: TableExplanations, params: Collection[str]) -> KeyedModel:
    """The models of the state of a detector, ``shared`` already loaded.

    ``params`` are the names of its parameters. Raises ModelFileError if parts are inconsistent.
    """
    check_keys("detector", {"feature_names_in_": None, **state}, {*params, *_FITTED, "feature_names_in_"})
    n_columns = check_whole("n_features_in_", state["n_features_in_"], 2)
    check_names(state, n_columns)
    check_training(state["training_"])
    names = list(state["feature_names_in_"]) if "feature_names_in_" in state else None
    if not isinstance(state["key"], str | int):
        raise ModelFileError("'key' should be the name or the position of a column; save the model again")
    column = key_column(state["key"], names, n_columns)
    keyed = None if state["keyed_"] is None else KeyedState.from_state(state["keyed_"])
    features = None if names is None else [name for j, name in enumerate(names) if j != column.position]
    own = None if keyed is None else [one.name for one in keyed.table.schema.columns]
    found = list(shared.schema_.names)
    if len(found) != n_columns - 1 or features not in (None, found) or own not in (None, found):
        raise ModelFileError("the models of keys and the shared model have other columns; fit them again")
    return KeyedModel(shared, keyed, column)
