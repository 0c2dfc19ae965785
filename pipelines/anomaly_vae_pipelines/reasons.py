"""Reasons: why rows scored low, as objects or as text; most are only written as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Explained: TypeAlias = tuple[str, float, float]
"""A reason as detectors return it: column, nats and share, as in Reason."""

Cells: TypeAlias = Callable[[int, str], tuple[str | None, str | None]]
"""The observed and the expected value of a row in a column, as in Reason."""


@dataclass(frozen=True)
class Reason:
    """One reason why a row scored low.

    Attributes
    ----------
    column : str
        Name of the column, ``latent`` for an unusual combination of columns, or ``verdicts`` for a row like
        those that were judged anomalous.
    nats : float
        Contribution to the score compared with a typical row; negative.
    observed, expected : str or None
        The cell, and the value that the model expected; None for ``latent``.
    share : float or None
        Share of the shortfall, from 0 to 1: of the sum over all columns that are below their typical
        contribution. None if it is not known.
    """

    column: str
    nats: float
    observed: str | None
    expected: str | None
    share: float | None = None

    @property
    def percent(self) -> str:
        """The share in percent such as ``61 %``; empty if it is not known."""
        return "" if self.share is None else f"{100 * self.share:.0f} %"


def no_cells(row: int, column: str) -> tuple[None, None]:
    """Neither an observed nor an expected value."""
    return None, None


class Reasons(Mapping[int, Sequence[Reason]]):
    """Reasons by position of the row, each made when it is asked for.

    Parameters
    ----------
    explained : mapping of int to sequence of (str, float, float)
        Column, nats and share of each reason, by position of the row, worst column first.
    cells : callable
        Returns the observed and the expected value of a position and a column.

    Examples
    --------
    >>> reasons = Reasons({7: [("amount", -12.34, 0.61), ("count", -5.1, 0.25)]})
    >>> reasons[7][0].column
    'amount'
    >>> reasons.texts()
    ['amount:-12.3 (61 %);count:-5.1 (25 %)']
    """

    def __init__(
        self, explained: Mapping[int, Sequence[Explained]] | None = None, cells: Cells = no_cells
    ) -> None:
        self._explained, self._cells = explained or {}, cells

    def __getitem__(self, row: int) -> Sequence[Reason]:
        return [
            Reason(column, nats, *self._cells(row, column), share)
            for column, nats, share in self._explained[row]
        ]

    def __iter__(self) -> Iterator[int]:
        return iter(self._explained)

    def __len__(self) -> int:
        return len(self._explained)

    def texts(self) -> list[str]:
        """The reasons of each row as one text, in the order of the rows."""
        return [
            ";".join([f"{column}:{nats:.1f} ({100 * share:.0f} %)" for column, nats, share in reasons])
            for reasons in self._explained.values()
        ]

    def part(self, first: int, last: int) -> Reasons:
        """The reasons of the rows from ``first`` to ``last``, with positions from 0."""
        explained = {row - first: found for row, found in self._explained.items() if first <= row < last}
        return Reasons(explained, lambda row, column: self._cells(row + first, column))
