"""KeyedDecisions: scores, decisions and explanations of rows by one small model per key.

The estimator and the scorer of a model file share it, so it imports no scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae.columns.keys import NO_MODEL, KeyColumn
from anomaly_vae.columns.table import Table
from anomaly_vae.decisions import Decided, Floats, finite, summary
from anomaly_vae.errors import InputError
from anomaly_vae.explanations import TableExplanations
from anomaly_vae.keyed.models import KeyedModel, KeyModel
from anomaly_vae.schema import Column, Schema
from anomaly_vae.states.keyed import KeyedState, Positions
from anomaly_vae.tails import SeverityScale, Tail, check_tail, p_value_function

OfOwner: TypeAlias = Callable[[int], Callable[[Floats], Floats]]
"""A function of the scores of rows, by the position of their model."""

KEY = "the key"
"""The detail of the column of keys in a schema."""


class KeyedDecisions(TableExplanations):
    """Decisions about rows by the model of their key, with the threshold of that model."""

    key: str | int
    min_rows: int
    shared_: TableExplanations
    model_: KeyedModel  # type: ignore[assignment]

    @property
    def keys_(self) -> NDArray[np.str_]:
        """The keys that have a model of their own, ascending, shape (n_keys,)."""
        return self.model_.keys

    @property
    def offsets_(self) -> Floats:
        """The thresholds of the keys in ``keys_``, in nats, shape (n_keys,)."""
        runtime = self.model_.runtime
        return np.zeros(0) if runtime is None else runtime.state.offsets

    @property
    def n_calibration_(self) -> Positions:
        """The calibration rows of the keys in ``keys_``, shape (n_keys,)."""
        runtime = self.model_.runtime
        return np.zeros(0, dtype=np.int64) if runtime is None else runtime.state.n_calibration

    @property
    def schema_(self) -> Schema:
        """The kind of each column, the key among them."""
        schema, position = self.shared_.schema_, self.model_.column.position
        columns = list(schema.columns)
        columns.insert(position, Column(self._key_name(), "categorical", KEY))
        moved = [replace(one, owner=one.owner + (one.owner >= position)) for one in schema.features]
        return Schema(tuple(columns), tuple(moved))

    def model_of(self, key: object) -> KeyModel | TableExplanations:
        """The model that scores rows with this key; the shared model if the key has none of its own.

        It takes rows without the column of keys.
        """
        self._check_is_fitted()
        runtime = self.model_.runtime
        rows = np.array([[key]], dtype=object)
        position = int(KeyColumn(0).positions(rows, self.keys_)[0])
        return self.shared_ if runtime is None or position == NO_MODEL else self.model_.member(position)

    def has_own_model(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Which rows are scored by the model of their key, shape (n_rows,), not by the shared one."""
        self._check_is_fitted()
        return np.asarray(self.model_.owners(self._checked(X)) != NO_MODEL)

    def unseen(self, X: ArrayLike) -> dict[str, NDArray[np.bool_]]:
        """Which rows hold a value that no training row of any key has, by column; not of the key itself.

        As in ``TabularVAEDetector.unseen``.
        """
        self._check_is_fitted()
        return self.shared_.unseen(self.model_.column.features(self._checked(X)))

    def elbo(self, X: ArrayLike) -> Floats:
        """Lower bound on the log density of each row in the table's own units, shape (n_rows,), in nats.

        As in ``TabularVAEDetector.elbo``; the key itself does not count.
        """
        self._check_is_fitted()
        table = self._checked(X)
        return finite(self.model_.elbo(table, self.model_.owners(table)))

    def decision_function(self, X: ArrayLike) -> Floats:
        """The score less the threshold of the row's model, shape (n_rows,): negative is anomalous."""
        scores, owners = self._scored(X)
        return scores - self._offsets(owners)

    def p_values(self, X: ArrayLike, tail: Tail = "empirical") -> Floats:
        """Conformal p-value of each row among the calibration rows of its own model, shape (n_rows,).

        If the calibration rows of a key and a new row of it are all normal and exchangeable,
        P(p <= r) <= r for this key. The least p-value of a key is 1 / (its ``n_calibration_`` + 1). For rows
        of the shared model the same holds if keys are as mixed as in training; for a single unseen key
        nothing is guaranteed. ``tail`` is as in ``TabularVAEDetector.p_values``.
        """
        return self._by_key(*self._scored(X), self._p_values(tail))

    def severity(self, X: ArrayLike) -> Floats:
        """Severity of each row among those of its own model, from 0 to 100, shape (n_rows,).

        As in ``TabularVAEDetector.severity``.
        """
        return self._by_key(*self._scored(X), self._severities())

    def decider(
        self, offset: float | None = None, tail: Tail = "empirical"
    ) -> Callable[[ArrayLike], Decided]:
        """As in ``TabularVAEDetector``; raises InputError for an ``offset``, as each key has its own."""
        self._check_is_fitted()
        if offset is not None:
            raise InputError("each key has a threshold of its own; set them with set_threshold")
        p_values, severities = self._p_values(tail), self._severities()

        def decide(X: ArrayLike) -> Decided:
            scores, owners = self._scored(X)
            offsets = self._offsets(owners)
            return Decided(
                scores,
                self._by_key(scores, owners, p_values),
                self._by_key(scores, owners, severities),
                scores < offsets,
                offsets,
            )

        return decide

    def set_threshold(self, **rule: Any) -> Self:
        """Set other thresholds, of each key from its own calibration rows; as in ``TabularVAEDetector``.

        Raises InputError, and changes nothing, if a key has too few calibration rows for a rate.
        """
        self._check_is_fitted()
        runtime = self.model_.runtime
        if runtime is not None:
            members = [KeyModel(runtime, position) for position in range(len(self.keys_))]
            for member in members:
                with _naming(member.key):
                    member.set_threshold(**rule)
        self.shared_.set_threshold(**rule)
        if runtime is not None:
            self._set_members(runtime.state, members)
        return self

    def all_calibration_scores(self) -> Floats:
        """The calibration scores of all keys, ascending; those of the shared model if no key has its own."""
        runtime = self.model_.runtime
        return self.calibration_scores_ if runtime is None else np.sort(runtime.state.scores)

    @property
    def offset_(self) -> float:  # type: ignore[override]
        """The threshold of the shared model, in nats."""
        return self.shared_.offset_

    @property
    def false_alarm_rate_(self) -> float | None:  # type: ignore[override]
        """The false-alarm rate of that threshold, if it was set by a rate."""
        return self.shared_.false_alarm_rate_

    @property
    def tail_(self) -> Tail | None:  # type: ignore[override]
        """The basis of that rate."""
        return self.shared_.tail_

    @property
    def calibration_scores_(self) -> Floats:  # type: ignore[override]
        """The calibration scores of the shared model."""
        return self.shared_.calibration_scores_

    @property
    def latent_dim_(self) -> int:  # type: ignore[override]
        """Width of the latent space of the shared model."""
        return self.shared_.latent_dim_

    def metadata(self) -> dict[str, Any]:
        """A JSON-serialisable summary: parameters, columns, training, threshold of the shared model.

        "n_keys" of the threshold is the number of keys that have their own.
        """
        self._check_is_fitted()
        shared = self.shared_.metadata()["parameters"]
        parameters = {"estimator": shared, "key": self.key, "min_rows": self.min_rows}
        found = summary(self, "PerKey", parameters, self._input_metadata())
        found["threshold"]["n_keys"] = len(self.keys_)
        return found

    def _key_name(self) -> str:
        position = self.model_.column.position
        names = getattr(self, "feature_names_in_", None)
        return f"x{position}" if names is None else str(names[position])

    def _expected_rows(self, X: Table) -> Any:
        rows = self.model_.expected_rows(X, self.model_.owners(X))
        return rows if hasattr(X, "iloc") else rows.to_numpy()

    def _set_members(self, state: KeyedState, members: list[KeyModel]) -> None:
        """Set the thresholds of the keys to those of their models."""
        rates = [np.nan if one.false_alarm_rate_ is None else one.false_alarm_rate_ for one in members]
        state = state.with_thresholds(np.array([one.offset_ for one in members]), np.array(rates))
        self.model_ = KeyedModel(self.shared_, state, self.model_.column)

    def _scored(self, X: ArrayLike) -> tuple[Floats, Positions]:
        """The scores of rows, and the positions of their models."""
        self._check_is_fitted()
        table = self._checked(X)
        owners = self.model_.owners(table)
        return finite(self.model_.totals(table, owners)), owners

    def _score_samples(self, X: Table) -> Floats:
        return self.model_.totals(X, self.model_.owners(X))

    def _contributions(self, X: Table) -> Floats:
        return self.model_.contributions(X, self.model_.owners(X))

    def _changes(self, X: ArrayLike) -> Floats:
        self._check_is_fitted()
        table = self._checked(X)
        owners = self.model_.owners(table)
        return finite(self.model_.contributions(table, owners)) - self.model_.typical(owners)

    def _offsets(self, owners: Positions) -> Floats:
        return np.append(self.offsets_, self.shared_.offset_)[owners]

    def _p_values(self, tail: Tail) -> OfOwner:
        """The p-values of the rows of a model; raises InputError if a key has too few rows for a tail."""
        if tail == "gpd" and len(self.keys_):
            least = int(self.n_calibration_.argmin())
            with _naming(self.keys_[least]):
                check_tail(int(self.n_calibration_[least]))
        return cache(lambda owner: p_value_function(self._owner(owner).calibration_scores_, tail))

    def _severities(self) -> OfOwner:
        """The severities of the rows of a model."""

        @cache
        def severities(owner: int) -> Callable[[Floats], Floats]:
            one = self._owner(owner)
            scale = (
                one.severity_scale
                if isinstance(one, KeyModel)
                else SeverityScale.fit(one.calibration_scores_)
            )
            return scale.severities

        return severities

    def _owner(self, owner: int) -> KeyModel | TableExplanations:
        return self.shared_ if owner == NO_MODEL else self.model_.member(owner)

    def _by_key(self, scores: Floats, owners: Positions, function: OfOwner) -> Floats:
        """A function of scores that depends on the model of the row."""
        result = np.empty(len(scores))
        for owner, rows in _groups(owners):
            result[rows] = function(owner)(scores[rows])
        return result


def _groups(owners: Positions) -> Iterator[tuple[int, Positions]]:
    """Each model, and the positions of its rows."""
    order = np.argsort(owners, kind="stable")
    starts = np.flatnonzero(np.diff(owners[order], prepend=NO_MODEL - 1))
    for rows in np.split(order, starts[1:]):
        yield int(owners[rows[0]]), rows


@contextmanager
def _naming(key: str) -> Iterator[None]:
    """Name the key in an error about its threshold."""
    try:
        yield
    except InputError as error:
        raise InputError(f"key {key[:80]!r}: {error}") from None
