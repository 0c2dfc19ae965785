"""sample_rows: the rows of a source to fit on: all of them, or a sample with every word."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_vae.sampling.sizes import SAMPLE_ROWS
from anomaly_vae.sampling.stream import StreamSample
from anomaly_vae.sampling.words import MAX_WORDS, Words
from anomaly_vae_pipelines.arrow_arrays import arrow_numbers, arrow_texts, null
from anomaly_vae_pipelines.arrow_text import plain_column
from anomaly_vae_pipelines.io.parallel import in_order
from anomaly_vae_pipelines.records import ImageRows, NumberRows, ParsedRows, Rows

_LIKE_A_NUMBER = r"^\W*[0-9]"
_EMPTY = arrow_texts([""])[0]


class SampledRows(NamedTuple):
    """The rows to fit on, the number of all rows, and which of the rows are held out, if the sample says."""

    rows: Rows
    n_seen: int
    held_out: NDArray[np.bool_] | None


def sample_rows(
    pieces: Iterable[Rows],
    n_rows: int = SAMPLE_ROWS,
    *,
    seed: int = 0,
    reader: RowsReader | None = None,
    per: str | None = None,
    fraction: float | str = "auto",
) -> SampledRows:
    """Read all pieces and keep a sample of their rows, or all rows if they are not more: a ``StreamSample``.

    Parameters
    ----------
    pieces : iterable of Rows
        At least one piece; all have the same columns.
    n_rows, seed, per, fraction
        As in ``StreamSample``.
    reader : RowsReader, optional
        Reads the pieces, and learns which columns are likely numbers.
    """
    sample = StreamSample(reader or RowsReader(), n_rows, seed, per, fraction)

    def work(piece: Rows) -> tuple[Rows, Words | None]:
        rows = (
            replace(piece, whole=None)
            if isinstance(piece, ParsedRows)
            else replace(piece, raw=None, whole=None)
        )
        return rows, sample.words(rows, len(rows))

    for rows, words in in_order(work, pieces):
        sample.add(rows, len(rows), words)
    drawn = sample.drawn()
    return SampledRows(drawn.rows, sample.n_seen, drawn.held_out)


class RowsReader:
    """Reads ``Rows`` as the pieces of a stream.

    Parameters
    ----------
    categories : collection of str
        Columns whose numbers are words too.
    texts : collection of str
        Columns that are always read as text.
    """

    def __init__(self, categories: Collection[str] = (), texts: Collection[str] = ()) -> None:
        self._categories = frozenset(categories)
        self._numbers = set[str]()
        self._others = {*categories, *texts}

    def likely_numbers(self) -> frozenset[str]:
        """Return the columns in which all cells were numbers or empty, wherever ``words`` looked so far."""
        return frozenset(self._numbers - self._others)

    def take(self, piece: Rows, positions: NDArray[np.int64]) -> Rows:
        """Return some rows."""
        return take_rows(piece, positions)

    def join(self, pieces: Sequence[Rows]) -> Rows:
        """Return the rows of several pieces, in order."""
        return join_rows(pieces)

    def words(self, piece: Rows, closed: Collection[str]) -> dict[str, list[Hashable]]:
        """Return the distinct words of each text column, except closed ones."""
        names = [name for name in piece.table.column_names if name not in closed]
        columns = {name: plain_column(piece.table.column(name)) for name in names}
        texts = {name: column for name, column in columns.items() if pa.types.is_string(column.type)}
        return {name: self._words(name, column) for name, column in texts.items()}

    def place(self, piece: Rows, column: str, word: str) -> int:
        """Return the position of the first row with a word."""
        return int(pc.index(plain_column(piece.table.column(column)), word).as_py())

    def strata(self, piece: Rows, column: str) -> tuple[NDArray[np.int64], list[Hashable]]:
        """Return for each row a position among the distinct values of a column, -1 if missing; and these."""
        encoded = plain_column(piece.table.column(column)).combine_chunks().dictionary_encode()
        places = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return places.astype(np.int64), encoded.dictionary.to_pylist()

    def _words(self, name: str, texts: pa.ChunkedArray) -> list[Hashable]:
        """Return the distinct words among texts."""
        if name in self._categories:
            return [word for word in pc.unique(texts).to_pylist() if word]
        if _are_numbers(texts):
            self._numbers.add(name)
            return []
        self._others.add(name)
        distinct = pc.drop_null(pc.unique(texts))
        likely = pc.invert(pc.match_substring_regex(distinct, _LIKE_A_NUMBER))
        return [word for word in distinct.filter(likely).slice(0, MAX_WORDS + 1).to_pylist() if word.strip()]


def _are_numbers(texts: pa.ChunkedArray) -> bool:
    """Whether all cells are plain numbers or empty: a cast is much faster than a regular expression."""
    try:
        pc.if_else(pc.equal(texts, _EMPTY), null(texts.type), texts).cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def take_rows(rows: Rows, positions: NDArray[np.int64]) -> Rows:
    """The rows at some positions, without their bytes."""
    if isinstance(rows, ParsedRows):
        return rows.texts(positions)
    numbers = rows.numbers[positions]
    if isinstance(rows, NumberRows):
        return replace(rows, numbers=numbers, values=rows.values[positions])
    if isinstance(rows, ImageRows):
        mask = np.zeros(len(rows), dtype=bool)
        mask[positions] = True  # positions of images ascend
        return rows.take(mask)
    return replace(rows, table=rows.table.take(arrow_numbers(positions)), numbers=numbers)


def join_rows(pieces: Sequence[Rows]) -> Rows:
    """The rows of several pieces of one kind, in order, with the source of the first."""
    pieces = [piece.texts() if isinstance(piece, ParsedRows) else piece for piece in pieces]
    numbers, first = np.concatenate([piece.numbers for piece in pieces]), pieces[0]
    matrices = [piece.values for piece in pieces if isinstance(piece, NumberRows)]
    if isinstance(first, NumberRows):
        return replace(first, numbers=numbers, values=np.concatenate(matrices))
    table = pa.concat_tables([piece.table for piece in pieces], promote_options="permissive")
    return replace(first, table=table.combine_chunks(), numbers=numbers)
