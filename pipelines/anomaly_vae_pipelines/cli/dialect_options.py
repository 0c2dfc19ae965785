"""Options of all commands that read tables: how their text is read, if it is not to be found."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from anomaly_vae_pipelines.dialects.dialect import Given

F = TypeVar("F", bound=Callable[..., Any])

_KEY = "dialect"
_SEPARATORS = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "\\t": "\t",
    "pipe": "|",
    "space": " ",
    "spaces": " ",
}
_MARKS = {"point": ".", "comma": ",", "space": " ", "apostrophe": "'", "’": "'"}

_SEP_HELP = "Separator of the cells: one character, tab, or spaces for any number of them. [default: found]"
_DECIMAL_HELP = "Decimal mark of numbers. [default: found]"
_THOUSANDS_HELP = "Mark between groups of three digits: . , ' or space. [default: found]"
_ENCODING_HELP = "Encoding of the text, such as cp1252. [default: found]"
_HEADER_HELP = (
    "Whether the first row has the names; without, they are column_1, column_2 ... [default: found]"
)
_COMMENT_HELP = "What lines start with that are comments, such as #; none if all are rows. [default: found]"
_NA_HELP = "A word or a number that means a missing cell, such as -999. Repeatable."
_NOT_NA_HELP = "A word or a number that is a value, though it looks like a missing cell. Repeatable."
_SHEET_HELP = "Name or number, from 1, of the sheet of an Excel file. [default: the only one with cells]"
_COLUMNS_HELP = "TOML file of the kinds of columns, as check --write writes it; others are found."
_DAY_HELP = "Whether 01/02/2026 is the first of February. [default: found]"


def dialect_options(command: F) -> F:
    """``--sep``, ``--decimal``, ``--thousands``, ``--encoding``, ``--header``, ``--na``, ``--day-first``."""
    for names, settings in reversed(_OPTIONS):
        option = click.option(*names, expose_value=False, **({"callback": _store} | settings))
        command = option(command)
    return command


def schema_option(command: F) -> F:
    """``--columns``, a file of the kinds of columns; ``given_schema`` reads it."""
    return click.option("--columns", "schema", metavar="FILE", help=_COLUMNS_HELP)(command)


def given_schema(ctx: click.Context, path: str | None) -> tuple[Given, list[str]]:
    """What the user said, with the file of ``--columns``; and the columns that are not features."""
    from anomaly_vae_pipelines.dialects.schema import read_schema
    from anomaly_vae_pipelines.io.toml import load_toml

    given = given_dialect(ctx)
    if path is None:
        return given, []
    schema = read_schema(load_toml(path), path)
    return replace(given, columns=schema.forms, bounds=schema.bounds, kinds=schema.kinds), schema.left_out


def given_dialect(ctx: click.Context) -> Given:
    """What the user said about the text of tables."""
    from anomaly_vae_pipelines.dialects.dialect import Given

    return Given(**ctx.meta.get(_KEY, {}))


def _store(ctx: click.Context, option: click.Parameter, value: Any) -> None:
    if value not in (None, ()):
        ctx.meta.setdefault(_KEY, {})[option.name] = value


def _separator(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    found = _SEPARATORS.get(value, value)
    if len(found) != 1 or found in "\"'\r\n" or not found.isascii():
        raise click.BadParameter(f"wanted one character, tab or spaces, got {value!r}", param=option)
    return found


def _mark(allowed: str) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    def convert(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
        found = None if value is None else _MARKS.get(value, value)
        if found is not None and (len(found) != 1 or found not in allowed):
            raise click.BadParameter(f"wanted one of {allowed}, got {value!r}", param=option)
        return found

    return convert


def _codec(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from anomaly_vae.model_file.dialect import is_codec

    if not is_codec(value):
        raise click.BadParameter(f"unknown encoding {value!r}; such as utf-8, cp1252, latin-1", param=option)
    return codecs.lookup(value).name


def _comment(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is None or value == "none":
        return None if value is None else ""
    if not value.strip() or len(value) > 3 or value[0].isalnum() or value[0] in "\"',;":
        raise click.BadParameter(f"wanted a mark such as #, % or //, or none; got {value!r}", param=option)
    return value


def _checked(check: Callable[..., Any]) -> Callable[..., None]:
    return lambda ctx, option, value: _store(ctx, option, check(ctx, option, value))


_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--sep", "separator"), {"metavar": "CHAR", "help": _SEP_HELP, "callback": _checked(_separator)}),
    (("--decimal",), {"metavar": "MARK", "help": _DECIMAL_HELP, "callback": _checked(_mark(".,"))}),
    (("--thousands",), {"metavar": "MARK", "help": _THOUSANDS_HELP, "callback": _checked(_mark(".,' "))}),
    (("--encoding",), {"metavar": "NAME", "help": _ENCODING_HELP, "callback": _checked(_codec)}),
    (("--header/--no-header",), {"default": None, "help": _HEADER_HELP}),
    (("--comment",), {"metavar": "MARK", "help": _COMMENT_HELP, "callback": _checked(_comment)}),
    (("--na", "missing"), {"multiple": True, "metavar": "WORD", "help": _NA_HELP}),
    (("--not-na", "values"), {"multiple": True, "metavar": "WORD", "help": _NOT_NA_HELP}),
    (("--day-first/--month-first", "day_first"), {"default": None, "help": _DAY_HELP}),
    (("--sheet",), {"metavar": "SHEET", "help": _SHEET_HELP}),
)
