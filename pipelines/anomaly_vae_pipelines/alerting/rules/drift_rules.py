"""Rules that judge a stream after each row: drift of its columns, nats and scores from calibration."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.drift.reference import Reference
from anomaly_vae.drift.watch import Found, Watch
from anomaly_vae_pipelines.alerting.by_key import ByKey
from anomaly_vae_pipelines.alerting.records import Key, RowLocation
from anomaly_vae_pipelines.alerting.rules.base import Match, Rule, RuleOptions
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows
from anomaly_vae_pipelines.plurals import counted
from anomaly_vae_pipelines.reasons import Reason

MAX_KEYS = 1_000
"""Values of a key that are watched; each needs memory in proportion to the number of columns."""

_MOST_NAMED = 3


@dataclass
class _Stream:
    """The rows of a value of the key since the last alarm."""

    watch: Watch
    first: RowLocation


class StreamDriftRule(Rule):
    """Finds the row after which a martingale is an alarm; after each alarm it starts again.

    Parameters
    ----------
    options : RuleOptions
    reference : Reference
        The calibration rows of the model.
    rate : float
        The most that the probability is that still rows ever make it fire, from each start.
    """

    kind = "drift"

    def __init__(self, options: RuleOptions, reference: Reference, rate: float) -> None:
        super().__init__(options)
        self.rate, self._reference = rate, reference
        self._watch = Watch(reference, rate)
        self._open: ByKey[_Stream] = ByKey(options.name, MAX_KEYS)

    @property
    def calibration_rows(self) -> Reference | None:
        return self._reference

    @property
    def settings(self) -> str:
        return f"{super().settings} martingale {self.rate} {self._digest}"

    @property
    def meaning(self) -> str:
        rows = counted(self._reference.n_rows, "row")
        return f"a martingale finds a column, its nats or the scores unlike the {rows} of calibration"

    @property
    def false_alarms(self) -> str:
        return f"at most {100 * self.rate:.3g} %, ever"

    def find(self, timed: TimedRows) -> Iterator[Match]:
        if timed.scored.drift is None:
            return
        codes = timed.scored.drift.codes
        for key, positions in timed.groups(self.options.key):
            while len(positions):
                stream = self._open.get(key) or self._begin(key, timed.location(int(positions[0])))
                n_counted = stream.watch.update(codes[positions], stop=True)
                if stream.watch.found():
                    yield self._match(key, stream, timed, int(positions[n_counted - 1]))
                    self._open.drop(key)
                positions = positions[n_counted:]

    def get_state(self) -> Any:
        return self._open.to_json(
            lambda stream: {"first": asdict(stream.first), "watch": stream.watch.get_state()}
        )

    def set_state(self, state: Any) -> None:
        self._open.from_json(state, self._from_json)

    def _begin(self, key: Key, first: RowLocation) -> _Stream:
        stream = _Stream(self._watch.fresh(), first)
        self._open.put(key, stream)
        return stream

    def _match(self, key: Key, stream: _Stream, timed: TimedRows, at: int) -> Match:
        found, n_rows = stream.watch.found(), stream.watch.n_rows
        names = [self._name(column, change) for column, change in found.items()]
        others = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        return Match(
            key,
            float(timed.times[at]),
            at,
            f"rows drifted from calibration in {', '.join(names[:_MOST_NAMED])}{others}, "
            f"found after {counted(n_rows, 'row')}",
            self.rate,
            n_rows,
            first=stream.first,
            last=timed.location(at),
            rows=(),
            measures={"rows": n_rows},
            columns=tuple(Reason(self._reference.names[column], 0.0, None, None) for column in found),
        )

    def _name(self, column: int, found: Found) -> str:
        name = self._reference.names[column]
        if column >= self._reference.n_columns:
            return f"the {name}"
        return f"{name} ({' and '.join(found.aspects)})"

    def _from_json(self, values: dict[str, Any]) -> _Stream:
        stream = _Stream(self._watch.fresh(), RowLocation(**values["first"]))
        stream.watch.set_state(values["watch"])
        return stream

    @cached_property
    def _digest(self) -> str:
        """A hash that differs between calibrations."""
        codes: NDArray[np.uint8] = self._reference.rows.codes
        names = "\n".join(self._reference.names)
        return hashlib.sha256(names.encode() + np.ascontiguousarray(codes).tobytes()).hexdigest()[:16]
