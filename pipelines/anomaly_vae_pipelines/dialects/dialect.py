"""Dialect: how the rows of a text file are read, and Given: what the user said about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "spaces"}
"""Separators that are found, with their names; ``" "`` stands for one or more spaces or tabs."""

WORDS = {name: separator for separator, name in SEPARATORS.items()} | {"\\t": "\t", "space": " "}
"""Other spellings of separators on the command line."""


@dataclass(frozen=True)
class Dialect:
    """How a text file is read.

    Attributes
    ----------
    separator : str
        One character between the cells; a space stands for any number of spaces and tabs.
    decimal : str
        Decimal mark of numbers, "." or ",".
    thousands : str
        Mark between groups of three digits: "", ".", ",", " " (of any width) or "'".
    encoding : str
        Name of a Python codec.
    header : bool
        Whether the first row has the names of the columns.
    missing : tuple of str
        Words that mean a missing cell in every column, besides those that always do.
    values : tuple of str
        Words and numbers that the user said are values, not missing cells.
    quote : str
        The quote around cells, ``"`` or ``'``.
    escape : bool
        Whether a backslash escapes the next character, as in dumps of databases.
    trim : bool
        Whether spaces around cells are not part of them.
    spaced : bool
        Whether there are spaces between separators and quotes.
    units : bool
        Whether lines below the names are not rows, such as units.
    comment : str
        Lines that start with this text are not rows; empty for none.
    """

    separator: str = ","
    decimal: str = "."
    thousands: str = ""
    encoding: str = "utf-8"
    header: bool = True
    missing: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    quote: str = '"'
    escape: bool = False
    trim: bool = False
    spaced: bool = False
    units: bool = False
    comment: str = ""

    @property
    def is_rewritten(self) -> bool:
        """Whether blocks are rewritten as plain CSV, line by line, before they are parsed."""
        return self.separator == " " or self.quote != '"' or self.escape or self.spaced or bool(self.comment)

    @property
    def parsed_separator(self) -> str:
        """The separator of the text that is parsed."""
        return "," if self.is_rewritten else self.separator

    @property
    def marks(self) -> tuple[str, str]:
        """Decimal mark and thousands mark."""
        return self.decimal, self.thousands

    def as_json(self) -> dict[str, Any]:
        """The attributes that differ from plain CSV, as JSON values."""
        plain = asdict(PLAIN)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value != plain[name]
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Dialect:
        """The dialect that ``as_json`` described; other keys are ignored."""
        known = {one.name for one in fields(cls)}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in stored.items()
            if name in known
        }
        return cls(**values)


PLAIN = Dialect()
"""UTF-8, commas, decimal points, a header."""

_ERRORS = re.compile("#(?:N/?[AVD]|DIV|VALUE|WERT|REF|BEZUG|NULL|NUM|ZAHL|NAME)")


def is_comment(line: str, mark: str) -> bool:
    """Whether a line starts with the mark of comments, and not with an error of Excel such as #N/A."""
    return bool(mark) and line.startswith(mark) and not _ERRORS.match(line)


Bounds = tuple[float, float]
"""The least and the greatest number of a column; infinite where it has none."""


@dataclass(frozen=True)
class Given:
    """What the user said about the dialect; None or empty means that it is found.

    Attributes
    ----------
    separator, decimal, thousands, encoding, header, comment
        As in ``Dialect``.
    missing, values : tuple of str
        As in ``Dialect``.
    day_first : bool or None
        Whether 01/02/2026 is the first of February.
    sheet : str or None
        Name or number, from 1, of a sheet of an Excel file.
    columns : mapping
        The form of each column (a ``ColumnForm``) that the user decided.
    bounds : mapping of str to (float, float)
        The bounds of columns of numbers in a training table.
    kinds : mapping of str to str
        The kinds of columns, as in ``TabularVAEDetector(column_kinds=...)``.
    """

    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    header: bool | None = None
    comment: str | None = None
    missing: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    day_first: bool | None = None
    sheet: str | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)

    def applied(self, dialect: Dialect) -> Dialect:
        """A dialect with what the user said."""
        names = {one.name for one in fields(Dialect)}
        said = {
            name: value for name, value in vars(self).items() if name in names and value not in (None, ())
        }
        return Dialect(**(vars(dialect) | said))


NOTHING = Given()
"""The user said nothing."""
