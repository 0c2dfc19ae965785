"""Forms: how the cells of single columns are written, found from all cells of a column and stored in models.

A column without a form has numbers as Python writes them, or text that is kept as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from anomaly_vae_pipelines.dialects.marks import Marks
from anomaly_vae_pipelines.dialects.numbers import PLAIN_NUMBER, NumberForm
from anomaly_vae_pipelines.dialects.times import ORDER_NAMES, ClockForm, DateForm


class TextForm(NamedTuple):
    """Text that looks like numbers: versions, codes with leading zeros."""

    def as_json(self) -> dict[str, str]:
        """The name of this form."""
        return {"form": "text"}


AnyForm: TypeAlias = NumberForm | DateForm | ClockForm | TextForm


@dataclass(frozen=True)
class ColumnForm:
    """How one column is read.

    Attributes
    ----------
    form : NumberForm, DateForm, ClockForm or TextForm
    missing : tuple of str
        Words that mean a missing cell in this column.
    example : str
        A cell of the training table, for messages; it is not stored.
    """

    form: AnyForm
    missing: tuple[str, ...] = ()
    example: str = field(default="", compare=False)

    @property
    def is_number(self) -> bool:
        """Whether the cells become numbers."""
        return isinstance(self.form, NumberForm | ClockForm)

    @property
    def is_plain(self) -> bool:
        """Whether the form need not be stored."""
        return self.form == PLAIN_NUMBER and not self.missing

    @property
    def has_only_marks(self) -> bool:
        """Whether the numbers are plain except for their marks."""
        form = self.form
        return isinstance(form, NumberForm) and not (
            form.prefix or form.suffix or form.negative or self.missing
        )

    def with_marks(self, marks: Marks) -> ColumnForm:
        """The form with other decimal and thousands marks, if it has any."""
        if not isinstance(self.form, NumberForm):
            return self
        return replace(self, form=self.form.with_marks(marks[0] or ".", marks[1]))

    @property
    def shown(self) -> str:
        """The form in words."""
        form = self.form
        words = f" with {' '.join(self.missing)} for missing" if self.missing else ""
        if isinstance(form, NumberForm):
            return f"numbers such as {self.example or form}{words}"
        if isinstance(form, DateForm):
            return f"dates, {ORDER_NAMES[form.order]}{words}"
        return ("times in seconds" if isinstance(form, ClockForm) else "text") + words

    def as_json(self) -> dict[str, Any]:
        """The form as JSON values."""
        return self.form.as_json() | ({"missing": list(self.missing)} if self.missing else {})

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ColumnForm:
        """The form that ``as_json`` described."""
        kinds: dict[str, AnyForm] = {"clock": ClockForm(), "text": TextForm()}
        kind = stored["form"]
        form = kinds[kind] if kind in kinds else (
            DateForm(stored["order"]) if kind == "date" else NumberForm.from_json(stored)
        )  # fmt: skip
        return cls(form, tuple(stored.get("missing", ())))


_VERSION = re.compile(
    r"(?:^|[_\W])(?:ver|version|release|firmware|fw|build|revision)(?:$|[_\W])", re.IGNORECASE
)
_MOST_VERSIONS = 200
_LONG_CODE = 16
_LONG_CODES = ("^[0-9]{16,}$", r"^\+[1-9][0-9]{8,14}$")


def is_version(texts: pa.ChunkedArray, name: str) -> bool:
    """Whether the distinct numbers such as 1.2 of a column are versions, as its name says."""
    if len(texts) > _MOST_VERSIONS or not _VERSION.search(re.sub("(?<=[a-z])(?=[A-Z])", "_", name)):
        return False
    return bool(pc.all(pc.match_substring_regex(texts, r"^[0-9]{1,3}\.[0-9]{1,3}$")).as_py())


def is_code(texts: pa.ChunkedArray) -> bool:
    """Whether distinct whole numbers are codes.

    They are of one width of at least three and some have leading zeros, or they have more digits than floats
    keep, or they are phone numbers with a plus in front.
    """
    if any(pc.all(pc.match_substring_regex(texts, pattern)).as_py() for pattern in _LONG_CODES):
        return True
    width = len(texts[0].as_py())
    return 3 <= width < _LONG_CODE and bool(
        pc.all(pc.match_substring_regex(texts, f"^[0-9]{{{width}}}$")).as_py()
        and pc.any(pc.match_substring_regex(texts, "^0+[1-9]")).as_py()
    )
