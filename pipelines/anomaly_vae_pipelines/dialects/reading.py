"""Reading: how the files of a command are read: what the user said, and what the model was fitted on."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from anomaly_vae_pipelines.dialects.dialect import NOTHING, PLAIN, SEPARATORS, Dialect, Given
from anomaly_vae_pipelines.dialects.forms import ColumnForm, TextForm
from anomaly_vae_pipelines.dialects.numbers import NumberForm

HEAD_BYTES = 1 << 16
"""Bytes of a file that show whether it is plain."""

SAMPLE_BYTES = 1 << 20
"""Bytes of a file that its dialect is found from."""


class Found(NamedTuple):
    """How one file is read; ``layout`` is None if its first line has the names and all others are rows."""

    dialect: Dialect
    forms: Mapping[str, ColumnForm]
    layout: Any = None


AS_PLAIN = Found(PLAIN, {})
TYPED: tuple[Dialect, Mapping[str, ColumnForm]] = (PLAIN, {})
"""What ``Reading.typed`` returns for a model whose columns are plain."""


@dataclass(frozen=True)
class Reading:
    """How files are read.

    Attributes
    ----------
    given : Given
        What the user said.
    stored : Dialect or None
        The dialect that the model was fitted on; None if it is not known.
    forms : mapping of str to ColumnForm
        The columns of the model that are not plain.
    names : tuple of str
        The columns of the model, which its files have; empty for a fit.
    """

    given: Given = NOTHING
    stored: Dialect | None = None
    forms: Mapping[str, ColumnForm] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    def plainly(self, sample: bytes) -> Found | None:
        """How a file is read if it starts with a plain line of the model's columns, else None."""
        base = self.given.applied(self.stored or PLAIN)
        if self.names and _has_names(sample, base, self.names):
            return Found(base, self.forms)
        return None

    def of(self, sample: bytes, name: str, *, is_cut: bool) -> Found:
        """How a file is read, from its first bytes.

        A file in the dialect of the model is read in that, any other in its own.

        Raises
        ------
        AmbiguousError
            If it can be read in two ways; SourceError if it is not text.
        """
        base = self.given.applied(self.stored or PLAIN)
        from anomaly_vae_pipelines.dialects.sniffing import sniff

        found, layout = sniff(sample, name, self._hinted(), is_cut=is_cut, expected=self.names)
        if not self.names:
            return Found(found, self.forms, layout)
        return self._with_marks(found, layout, base)

    def typed(self) -> tuple[Dialect, Mapping[str, ColumnForm]]:
        """The dialect and the forms for files of typed numbers: they have missing words, but no marks."""
        dialect = self.given.applied(self.stored or PLAIN)
        forms = {name: form for name, form in self.forms.items() if not form.has_only_marks}
        return Dialect(missing=dialect.missing, values=dialect.values), forms

    def texts(self) -> frozenset[str]:
        """The columns whose numbers are text, such as versions."""
        return frozenset(name for name, form in self.forms.items() if isinstance(form.form, TextForm))

    def as_json(self) -> dict[str, Any]:
        """The stored dialect and forms as JSON values for a model file; empty for plain CSV."""
        stored = self.stored.as_json() if self.stored is not None else {}
        columns = {name: form.as_json() for name, form in self.forms.items()}
        return stored | ({"columns": columns} if columns else {})

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None, names: Iterable[str], given: Given) -> Reading:
        """The reading of the files of a model."""
        stored = stored or {}
        forms = {name: ColumnForm.from_json(form) for name, form in stored.get("columns", {}).items()}
        return cls(given, Dialect.from_json(stored), forms, tuple(names))

    def _hinted(self) -> Given:
        """What the user said; a file without a header is expected if the model was fitted on one."""
        generated = bool(self.names) and all(name.startswith("column_") for name in self.names)
        is_without = self.given.header is None and self.stored is not None and not self.stored.header
        return replace(self.given, header=False) if generated and is_without else self.given

    def _with_marks(self, found: Dialect, layout: Any, base: Dialect) -> Found:
        """The marks of a file if its numbers decide them, else those of the model."""
        from anomaly_vae_pipelines.dialects.marks import certain_marks

        words = tuple(dict.fromkeys((*found.missing, *base.missing)))
        found = replace(found, missing=tuple(word for word in words if word not in found.values))
        not_numbers = {name for name, form in self.forms.items() if not isinstance(form.form, NumberForm)}
        kept = [j for j, name in enumerate(layout.names) if name not in not_numbers]
        rows = [row.cells for row in layout.rows[:1000] if len(row.cells) == len(layout.names)]
        own = certain_marks([[cells[j] for j in kept] for cells in rows], found.missing)
        if own is None or self.given.decimal or self.given.thousands:
            said = self.given.applied(replace(found, decimal=base.decimal, thousands=base.thousands))
            return Found(said, self.forms, layout)
        decimal, thousands = own[0] or base.decimal, own[1]
        if not own[0] and not own[1]:
            thousands = base.thousands
        found = replace(found, decimal=decimal, thousands="" if thousands == decimal else thousands)
        if found.marks == base.marks:
            return Found(found, self.forms, layout)
        return Found(found, {name: form.with_marks(found.marks) for name, form in self.forms.items()}, layout)


ANY = Reading()
"""Files of any dialect and with any columns."""


def described(reading: Reading) -> str:
    """How files are read, in words, for what differs from plain CSV."""
    dialect = reading.stored or PLAIN
    parts = []
    if dialect.separator != ",":
        parts.append(f"separator {SEPARATORS.get(dialect.separator, dialect.separator)}")
    if dialect.encoding != "utf-8":
        parts.append(dialect.encoding)
    if not dialect.header:
        parts.append("no header")
    if dialect.comment:
        parts.append(f"lines that start with {dialect.comment!r} left out as comments")
    if dialect.units:
        parts.append("a second line of names or units left out")
    if dialect.decimal != ".":
        parts.append("decimal comma")
    if dialect.thousands:
        parts.append(f"thousands {dialect.thousands!r}")
    if dialect.missing:
        parts.append(f"missing {' '.join(dialect.missing)}")
    kinds = [(name, form) for name, form in reading.forms.items() if not form.has_only_marks]
    parts += [f"{name} {form.shown}" for name, form in kinds[:6]]
    return ", ".join(parts) + (", ..." if len(kinds) > 6 else "")


def _has_names(sample: bytes, dialect: Dialect, names: tuple[str, ...]) -> bool:
    """Whether plain text starts with a line of these names, and may be read in the dialect as it is."""
    if (
        not dialect.header
        or dialect.units
        or dialect.is_rewritten
        or dialect.encoding != "utf-8"
        or dialect.separator != ","
    ):
        return False
    try:
        line = sample.decode("utf-8-sig", errors="ignore").lstrip("\r\n").splitlines()[0]
        cells = next(csv.reader([line]))
    except (IndexError, StopIteration, csv.Error):
        return False
    return set(names) <= set(cells) and dialect.marks == (".", "") and _is_utf8(sample)


def _is_utf8(sample: bytes) -> bool:
    from anomaly_vae_pipelines.dialects.encodings import is_encoded

    return sample.isascii() or is_encoded(sample, "utf-8")
