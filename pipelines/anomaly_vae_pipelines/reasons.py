"""Reasons: why rows scored low, as objects or as text; most are only written as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Explained: TypeAlias = tuple[str, float, float]
"""A reason as detectors return it: column, nats and share, as in Reason."""

Cells: TypeAlias = Callable[[int, str], tuple[str | None, str | None]]
"""The observed and the expected value of a row in a column, as in Reason."""

Unseen: TypeAlias = Callable[[int, str], str | None]
"""The value of a row in a column if training never saw it, else None."""

_MAX_VALUE = 40
"""Characters of a value in a text."""


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
    unseen : bool
        Whether training never saw the value ``observed`` in this column.
    """

    column: str
    nats: float
    observed: str | None
    expected: str | None
    share: float | None = None
    unseen: bool = False

    @property
    def percent(self) -> str:
        """The share in percent such as ``61 %``; empty if it is not known."""
        return "" if self.share is None else f"{100 * self.share:.0f} %"

    def __str__(self) -> str:
        """``amount:-12.3 (61 %)``, or ``ver:-9.1 (48 %, value 'v9' was never seen)``."""
        seen = f"value {_quoted(self.observed or '')} was never seen" if self.unseen else ""
        notes = ", ".join(filter(None, (self.percent, seen)))
        return f"{self.column}:{self.nats:.1f}" + (f" ({notes})" if notes else "")


def no_cells(row: int, column: str) -> tuple[None, None]:
    """Neither an observed nor an expected value."""
    return None, None


def nothing_unseen(row: int, column: str) -> None:
    """No value that training never saw."""
    return


class Reasons(Mapping[int, Sequence[Reason]]):
    """Reasons by position of the row, each made when it is asked for.

    Parameters
    ----------
    explained : mapping of int to sequence of (str, float, float)
        Column, nats and share of each reason, by position of the row, worst column first.
    cells : callable
        Returns the observed and the expected value of a position and a column.
    unseen : callable
        Returns the value of a position and a column if training never saw it, else None.

    Examples
    --------
    >>> reasons = Reasons({7: [("amount", -12.34, 0.61), ("count", -5.1, 0.25)]})
    >>> reasons[7][0].column
    'amount'
    >>> reasons.texts()
    ['amount:-12.3 (61 %);count:-5.1 (25 %)']
    """

    def __init__(
        self,
        explained: Mapping[int, Sequence[Explained]] | None = None,
        cells: Cells = no_cells,
        unseen: Unseen = nothing_unseen,
    ) -> None:
        self._explained, self._cells, self._unseen = explained or {}, cells, unseen

    def __getitem__(self, row: int) -> Sequence[Reason]:
        return [self._reason(row, *found, self._cells) for found in self._explained[row]]

    def __iter__(self) -> Iterator[int]:
        return iter(self._explained)

    def __len__(self) -> int:
        return len(self._explained)

    def shares(self, row: int) -> list[tuple[str, float]]:
        """The columns of the reasons of a row and their shares, without values, which take longer to make."""
        return [(column, share) for column, _, share in self._explained[row]]

    def texts(self) -> list[str]:
        """The reasons of each row as one text, in the order of the rows."""
        return [
            ";".join([str(self._reason(row, *found, no_cells)) for found in reasons])
            for row, reasons in self._explained.items()
        ]

    def part(self, first: int, last: int) -> Reasons:
        """The reasons of the rows from ``first`` to ``last``, with positions from 0."""
        explained = {row - first: found for row, found in self._explained.items() if first <= row < last}
        return Reasons(
            explained,
            lambda row, column: self._cells(row + first, column),
            lambda row, column: self._unseen(row + first, column),
        )

    def _reason(self, row: int, column: str, nats: float, share: float, cells: Cells) -> Reason:
        observed, expected = cells(row, column)
        value = self._unseen(row, column)
        return Reason(column, nats, observed if value is None else value, expected, share, value is not None)


def _quoted(value: str) -> str:
    """A value in quotes, shortened, without the semicolon that separates reasons."""
    shown = value if len(value) <= _MAX_VALUE else value[: _MAX_VALUE - 1] + "…"
    return repr(shown).replace(";", "\\x3b")
