"""sniff: the dialect of a text file from its first bytes, or a question if it can be read in two ways."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from anomaly_vae_pipelines.dialects.binaries import refuse_binary
from anomaly_vae_pipelines.dialects.dialect import SEPARATORS, Dialect, Given, is_comment
from anomaly_vae_pipelines.dialects.encodings import find_encoding, is_encoded, mark_of
from anomaly_vae_pipelines.dialects.kinds import kind_of
from anomaly_vae_pipelines.dialects.layout import Layout, find_layout
from anomaly_vae_pipelines.dialects.marks import marks_of_rows
from anomaly_vae_pipelines.dialects.missing import SURE
from anomaly_vae_pipelines.dialects.separators import Split, find_splits, split_lines
from anomaly_vae_pipelines.errors import AmbiguousError, SourceError

_LINE_END = re.compile("\r\n|\n|\r")
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_RARE = "~^:!\x01\x1f"
_COMMENTS = ("#", "%", "//")
_MOST_COMMENTS = 10_000
"""Lines in which comments are looked for."""


class Sniffed(NamedTuple):
    """A dialect, and the layout of the file in it."""

    dialect: Dialect
    layout: Layout


def sniff(
    sample: bytes, name: str, given: Given, *, is_cut: bool = False, expected: Sequence[str] = ()
) -> Sniffed:
    """The dialect of a file.

    Parameters
    ----------
    sample : bytes
        The start of the file.
    name : str
        Its name, for messages.
    given : Given
        What the user said, which is not questioned.
    is_cut : bool
        Whether the file continues after the sample, so that the last line may be incomplete.
    expected : sequence of str
        Names of columns that its header has, if they are known.

    Raises
    ------
    AmbiguousError
        If it can be read in two ways; SourceError if it is not text.
    """
    refuse_binary(sample, name)
    encoding = _encoding(sample, name, given)
    text = sample[len(mark_of(sample)) :].decode(encoding, errors="replace")
    lines = _LINE_END.split(text)
    lines = lines[:-1] if is_cut and len(lines) > 1 else lines
    n_skipped, separator = _stated_separator(lines)
    comment, leading = _comment(lines[n_skipped:], given.comment)
    body = [line for line in lines[n_skipped:] if line.strip() and not is_comment(line, comment)]
    quote, escape = _quote(body), bool(re.search(r'\\"', text))
    split = _split(body, name, given, separator, quote, escape)
    if given.comment is None:
        _ask_about_comments(lines, comment, n_skipped + leading, name, split, quote, escape)
    dialect = Dialect(
        separator=split.separator, encoding=encoding, quote=quote, escape=escape,
        comment=comment if leading < _count(lines, comment) else "",
    )  # fmt: skip
    dialect = _spaced(dialect, body, split)
    layout = find_layout(
        lines, replace(dialect, comment=comment), split.width, name, header=given.header, n_skipped=n_skipped,
        expected=expected,
    )  # fmt: skip
    words = sorted({cell for row in layout.rows for cell in row.cells if cell in SURE})
    header = layout.header_line is not None or bool(layout.names and layout.names[0] != "column_1")
    found = replace(dialect, header=header, missing=tuple(words), units=layout.has_units)
    decimal, thousands = marks_of_rows([row.cells for row in layout.rows[:1000]], found.missing)
    return Sniffed(with_given(replace(found, decimal=decimal, thousands=thousands), given), layout)


def with_given(dialect: Dialect, given: Given) -> Dialect:
    """The dialect with what the user said; found words are kept beside the given ones."""
    missing = [word for word in (*given.missing, *dialect.missing) if word not in given.values]
    return replace(given.applied(dialect), missing=tuple(dict.fromkeys(missing)))


def _encoding(sample: bytes, name: str, given: Given) -> str:
    if given.encoding is None:
        return find_encoding(sample, name)
    if not is_encoded(sample, given.encoding):
        raise SourceError(
            name, None, f"is not in --encoding {given.encoding}; leave the option out to find it"
        )
    return given.encoding


def _stated_separator(lines: Sequence[str]) -> tuple[int, str | None]:
    """The line ``sep=;`` that Excel reads: the number of lines it takes, and the separator."""
    found = _SEP_LINE.fullmatch(lines[0]) if lines else None
    return (1, found[1]) if found else (0, None)


def _comment(lines: Sequence[str], said: str | None) -> tuple[str, int]:
    """What comments start with, if there are any, and the number of them above the first row."""
    first = next((line for line in lines if line.strip()), "")
    for mark in _COMMENTS if said is None else [said] * bool(said):
        if said or is_comment(first, mark) or sum(line.startswith(mark + " ") for line in lines[:1000]) > 0:
            leading = 0
            for line in lines:
                if line.strip() and not is_comment(line, mark):
                    break
                leading += is_comment(line, mark)
            if leading < sum(bool(line.strip()) for line in lines):
                return mark, leading
    return "", 0


def _ask_about_comments(
    lines: Sequence[str], mark: str, n_above: int, name: str, split: Split, quote: str, escape: bool
) -> None:
    """Raise AmbiguousError if a comment between the rows has as many cells as they have."""
    if not mark:
        return
    for number, line in enumerate(lines[:_MOST_COMMENTS]):
        if number < n_above or not is_comment(line, mark):
            continue
        (cells,) = split_lines([line], split.separator, quote, escape).rows
        if len(cells) == split.width:
            raise AmbiguousError(
                name, number + 1, f"{line[:40]!r} may be a row or a comment; add --comment '{mark}' to leave "
                f"out the lines that start with {mark}, or --comment none to read them"
            )  # fmt: skip


def _count(lines: Sequence[str], comment: str) -> int:
    return sum(is_comment(line, comment) for line in lines) if comment else 0


def _quote(lines: Sequence[str]) -> str:
    """The quote around cells: an apostrophe only if many lines have it, and none a double quote."""
    sample = lines[:100]
    if any('"' in line for line in sample):
        return '"'
    n_quoted = sum(bool(re.search(r"(?:^|[,;\t| ])'[^']*'(?:$|[,;\t| ])", line)) for line in sample)
    return "'" if n_quoted > len(sample) / 2 else '"'


def _split(
    lines: Sequence[str], name: str, given: Given, stated: str | None, quote: str, escape: bool
) -> Split:
    """The split of the lines by the given, stated or best separator."""
    chosen = given.separator or stated
    if chosen is not None:
        return split_lines(lines, chosen, quote, escape)
    splits = [split for split in find_splits(lines, quote, escape) if _is_possible(split, given)]
    best = next((split for split in splits if split.is_table), None)
    if best is None:
        _ask_about_separator(lines, name, quote, escape)
        return split_lines(lines, ";" if given.decimal == "," else ",", quote, escape)
    for other in splits:
        if other is not best and other.is_table and other.rank[:2] == best.rank[:2]:
            raise _two_separators(name, lines, best, other)
    if given.decimal is None and _are_decimal_commas(best, lines[1:]) and "," not in lines[0]:
        return split_lines(lines, ";", quote, escape)
    if given.decimal is None and _are_decimal_commas(best, lines):
        raise AmbiguousError(
            name, None, f"{best.rows[-1][0]},{best.rows[-1][1]} may be two cells or one number with a "
            "decimal comma; add --sep , or --decimal ,"
        )  # fmt: skip
    return best


def _ask_about_separator(lines: Sequence[str], name: str, quote: str, escape: bool) -> None:
    """Raise AmbiguousError if a rare separator divides all lines into the same number of cells."""
    for separator in _RARE:
        split = split_lines(lines, separator, quote, escape)
        widths, is_time = {len(row) for row in split.rows}, separator == ":" and all(
            kind_of(line) == "date" for line in lines[1:]
        )  # fmt: skip
        if len(split.rows) > 2 and len(widths) == 1 and split.width > 1 and not is_time:
            raise AmbiguousError(
                name, None, f"{separator!r} divides every line into {split.width} cells; add "
                f"--sep {_option(separator)}, or --sep , if it is part of the text"
            )  # fmt: skip


def _is_possible(split: Split, given: Given) -> bool:
    """Whether a separator agrees with the given decimal mark: a comma can be both if numbers are quoted."""
    return not (given.decimal == "," and split.separator == ",") or any(
        "," in cell for row in split.rows for cell in row
    )


def _are_decimal_commas(split: Split, lines: Sequence[str]) -> bool:
    """Whether two columns of whole numbers may be one column of decimal numbers."""
    if split.separator != "," or split.width != 2:
        return False
    return all(re.fullmatch(r"\s*-?[0-9]+,[0-9]+\s*", line) for line in lines)


def _two_separators(name: str, lines: Sequence[str], best: Split, other: Split) -> AmbiguousError:
    shown = next((line for line in lines if best.separator in line and other.separator in line), lines[0])
    first, second = (f"--sep {_option(split.separator)} ({split.width} columns)" for split in (best, other))
    return AmbiguousError(name, None, f"{shown[:40]!r} can be divided in two ways; add {first} or {second}")


def _option(separator: str) -> str:
    if not separator.isprintable():
        return f"$'\\x{ord(separator):02x}'"
    if separator in "\t ":
        return SEPARATORS[separator]
    return f"'{separator}'" if separator in ";|~^!" else separator


def _spaced(dialect: Dialect, lines: Sequence[str], split: Split) -> Dialect:
    """The dialect with what is known about spaces around cells."""
    if split.separator == " ":
        return replace(dialect, trim=True)
    separator = re.escape(split.separator)
    sample = lines[:200]
    n_spaced = sum(bool(re.search(f"{separator} |[^ ] +{separator}", line)) for line in sample)
    is_spaced = any(re.search(f'{separator} +"', line) for line in sample)
    return replace(dialect, trim=n_spaced > 0.3 * len(sample), spaced=is_spaced)
