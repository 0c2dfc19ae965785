"""Column, Feature and Schema: the hinge between the columns of a table and the cells of a tensor.

A *column* is what the user gave. A *feature* is what the network sees of it: one float for a number,
a one-hot span for a category. A column may own several features (a datetime owns three; a column
that may be missing owns a flag beside its value) or none (an identifier).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["numeric", "boolean", "categorical", "datetime", "constant", "identifier"]
FeatureKind = Literal["numeric", "categorical"]


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
    """One column as the user knows it.

    Attributes
    ----------
    name : str
        Its name, or ``x0``, ``x1``, ... where the table had none.
    kind : str
        What it is taken for.
    detail : str
        What was done to it, for a person to read ("log", "12 categories", "always 3").
    """

    name: str
    kind: Kind
    detail: str = ""


@dataclass(frozen=True)
class Feature:
    """What the network sees of a column.

    Attributes
    ----------
    owner : int
        Position of the column that it belongs to.
    kind : {"numeric", "categorical"}
        Which likelihood it has.
    span : Span
        Its cells in the encoded matrix.
    """

    owner: int
    kind: FeatureKind
    span: Span


@dataclass(frozen=True)
class Schema:
    """The columns of a table and the encoded features that they own, in encoded order.

    Numeric features come first, one cell each; categorical ones follow, ordered by width, so that
    all features of a width form one block of a tensor.
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
        """Whether a column holds truth values, categories or dates: not numbers alone."""
        return any(column.kind in ("boolean", "categorical", "datetime") for column in self.columns)

    @property
    def owners(self) -> tuple[int, ...]:
        """For each feature the position of its column."""
        return tuple(feature.owner for feature in self.features)
