"""Two processes that write one output at the same time."""

from __future__ import annotations

from collections.abc import Iterator

from tests.pipelines.faults.cases import Place


def overlapping(place: Place, n_pairs: int) -> Iterator[tuple[str, str]]:
    yield from ()
