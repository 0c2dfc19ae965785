"""Column, Feature and Schema: how the columns of a table map to the cells of a tensor.

A *column* is what the user gave. A *feature* is its input to the network: one float for a number, a one-hot
span for a category. A column may own several features (a datetime owns three; a column with missing values
also owns a flag) or none (an identifier).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["numeric", "boolean", "categorical", "datetime", "constant", "identifier"]
FeatureKind = Literal["numeric", "categorical"]

LEFT_OUT = ("ignore", "identifier")
COLUMN_KINDS = ("numeric", "categorical", "datetime", "boolean", *LEFT_OUT)
"""What a user can say that a column is, in ``column_kinds`` and in a file of ``fit --columns``."""


@dataclass(frozen=True)
class Span:
    """A half-open range of encoded cells, ``[start, stop)``."""

    start: int
    stop: int

    @property
    def width(self) -> int:
        """Number of cells."""
        return self.stop - self.start


@dataclass(frozen=True)
class Column:
    """One column of the user's table.

    Attributes
    ----------
    name : str
        Its name, or ``x0``, ``x1``, ... if the table has no column names.
    kind : str
        How it is modelled.
    detail : str
        How it is encoded, as text for people ("log", "12 categories", "always 3").
    """

    name: str
    kind: Kind
    detail: str = ""


@dataclass(frozen=True)
class Feature:
    """One input of the network, derived from a column.

    Attributes
    ----------
    owner : int
        Position of the column that it belongs to.
    kind : {"numeric", "categorical"}
        Its likelihood.
    span : Span
        Its cells in the encoded matrix.
    """

    owner: int
    kind: FeatureKind
    span: Span


@dataclass(frozen=True)
class Schema:
    """The columns of a table and the encoded features that they own, in encoded order.

    Numeric features come first, one cell each; categorical features follow, ordered by width, so that
    all features of the same width form one block of a tensor.
    """

    columns: tuple[Column, ...]
    features: tuple[Feature, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def n_cells(self) -> int:
        """Width of the encoded matrix."""
        return self.features[-1].span.stop if self.features else 0

    @property
    def n_numeric(self) -> int:
        """Number of numeric features."""
        return sum(feature.kind == "numeric" for feature in self.features)

    @property
    def category_widths(self) -> tuple[int, ...]:
        """Widths of the categorical features, ascending."""
        return tuple(feature.span.width for feature in self.features if feature.kind == "categorical")

    @property
    def has_categories(self) -> bool:
        """Whether a column holds booleans, categories or dates, not only numbers."""
        return any(column.kind in ("boolean", "categorical", "datetime") for column in self.columns)

    @property
    def owners(self) -> tuple[int, ...]:
        """The position of the column of each feature."""
        return tuple(feature.owner for feature in self.features)
