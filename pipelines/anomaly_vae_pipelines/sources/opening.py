"""Opening: the source for a path, by its format, and all rows of a source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from pathlib import Path

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.io.files import format_suffix, is_url
from anomaly_vae_pipelines.io.parallel import in_order
from anomaly_vae_pipelines.records import Rows
from anomaly_vae_pipelines.sources.arrow import ArrowSource
from anomaly_vae_pipelines.sources.blocks import Block, Read, Source
from anomaly_vae_pipelines.sources.delimited import DelimitedSource
from anomaly_vae_pipelines.sources.excel import ExcelSource
from anomaly_vae_pipelines.sources.jsonl import JsonLinesSource
from anomaly_vae_pipelines.sources.parquet import ParquetSource

AnySource = DelimitedSource | JsonLinesSource | ParquetSource | ArrowSource | ExcelSource

_SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".xlsx": "excel",
    ".xls": "excel",
    ".ods": "excel",
}
_AS_A_WHOLE: dict[str, type[ParquetSource | ArrowSource | ExcelSource]] = {
    "parquet": ParquetSource,
    "arrow": ArrowSource,
    "excel": ExcelSource,
}
SOURCES: dict[str, type[AnySource]] = {
    "csv": DelimitedSource,
    "jsonl": JsonLinesSource,
    **_AS_A_WHOLE,
}


TABLE_SUFFIXES = frozenset({".csv", *_SUFFIXES})
"""Suffixes of the files of rows in a directory, without those of compression."""


def format_of(path: str, given: str | None = None) -> str:
    """The format of a file, a key of ``SOURCES``: the given one, that of its suffix, or CSV."""
    return given or _SUFFIXES.get(format_suffix(path), "csv")


def open_source(path: str, given_format: str | None = None, reading: Reading | None = None) -> AnySource:
    """The source of a file, to be used as a context manager; raises SourceError if it cannot be opened.

    Without a ``reading`` text is plain CSV: in UTF-8, with commas and a header.
    """
    return SOURCES[format_of(path, given_format)](path, reading=reading)


def open_growing(path: str, given_format: str | None = None, reading: Reading | None = None) -> AnySource:
    """The source of a file that may still be written to: only complete lines are rows."""
    kind = format_of(path, given_format)
    if kind in _AS_A_WHOLE:
        return _AS_A_WHOLE[kind](path, reading=reading)
    return (DelimitedSource if kind == "csv" else JsonLinesSource)(path, growing=True, reading=reading)


def grows(path: str, given_format: str | None = None) -> bool:
    """Whether rows may be appended to a file of this format."""
    return format_of(path, given_format) not in _AS_A_WHOLE


def input_files(paths: Sequence[str]) -> list[str]:
    """The paths, with each directory replaced by its files of rows, sorted by name.

    Raises SourceError for a directory without any.
    """
    return [name for path in paths for name in (_within(path) if _is_directory(path) else [path])]


def read_rows(
    source: Source,
    columns: Sequence[str] | None = None,
    numeric: Container[str] = (),
    blocks: Iterable[Block] | None = None,
    likely: Callable[[], Collection[str]] | None = None,
) -> Iterator[Rows]:
    """All rows of a source, in pieces that all cores read; raises SourceError at the first bad row.

    ``columns`` are those to read, by default all; those in ``numeric`` are numbers, others text or as typed.
    ``blocks`` are those to read, by default all. ``likely`` gives, instead of ``numeric``, the columns that
    are likely numbers, as in ``read_quickly``; any thread may call it.
    """
    wanted = source.columns if columns is None else columns
    has_rows, read = False, source.blocks() if blocks is None else blocks

    def parse(block: Block) -> Read:
        if likely is not None and (names := likely()):
            return source.read_quickly(block, wanted, names)
        return source.read(block, wanted, numeric)

    for rows, rejected in in_order(parse, read):
        if rejected:
            raise SourceError(rejected[0].source, rejected[0].line, rejected[0].reason)
        has_rows = True
        yield rows
    if not has_rows:
        yield no_rows(source, wanted, numeric)


def no_rows(
    source: Source, wanted: Sequence[str], numeric: Container[str] = (), *, whole: bool = False
) -> Rows:
    """A piece without rows, which has the columns and their types."""
    return source.read(source.empty(), wanted, numeric, whole=whole).rows


def _is_directory(path: str) -> bool:
    return path != "-" and not is_url(path) and Path(path).is_dir()


def _within(directory: str) -> list[str]:
    found = sorted(
        str(path) for path in Path(directory).iterdir() if format_suffix(str(path)) in TABLE_SUFFIXES
    )
    if not found:
        wanted = ", ".join(sorted(TABLE_SUFFIXES))
        raise InputError(f"{directory}: is a directory without files of rows; wanted {wanted}")
    return found
