"""sample_rows: a uniform sample of the rows of a source, and rows with the words that the sample lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_vae.sampling import RowSample
from anomaly_vae_pipelines.arrow_arrays import arrow_numbers, arrow_texts, null
from anomaly_vae_pipelines.arrow_text import plain_column
from anomaly_vae_pipelines.io.parallel import in_order
from anomaly_vae_pipelines.records import NumberRows, Rows

SAMPLE_ROWS = 250_000
"""Rows that a fit reads; it trains on at most 200,000 of them and calibrates with others."""

MAX_WORDS = 1_000
"""Words of a column; one with more of them holds text, not categories."""

MAX_EXAMPLES = 1_000
"""Rows that are added because of their words."""

_LIKE_A_NUMBER = r"^\W*[0-9]"
_EMPTY = arrow_texts([""])[0]
_MAX_PIECES = 64


class SampledRows(NamedTuple):
    """The sample, and the number of all rows."""

    rows: Rows
    n_seen: int


def sample_rows(
    pieces: Iterable[Rows],
    n_rows: int = SAMPLE_ROWS,
    *,
    seed: int = 0,
    categories: Collection[str] = (),
) -> SampledRows:
    """Read all pieces and keep a uniform sample of their rows, or all rows if they are not more.

    A category or a word for missing cells may occur only in rows that are not drawn. So the first row with
    each word of a text column that the sample lacks is added, at most ``MAX_EXAMPLES`` rows, if the column
    has at most ``MAX_WORDS`` words. Texts that start like a number are not words.

    Parameters
    ----------
    pieces : iterable of Rows
        At least one piece; all have the same columns.
    n_rows : int
        Rows to draw.
    seed : int
        Another seed gives another sample. The sample does not depend on the sizes of the pieces.
    categories : collection of str
        Columns whose numbers are words too.
    """
    sample = RowSample(n_rows, take_rows, join_rows, seed)
    words = _Words(frozenset(categories))

    def work(piece: Rows) -> tuple[Rows, dict[str, list[str]]]:
        rows = replace(piece, raw=None, whole=None)
        return rows, words.of(rows) if sample.n_seen + len(rows) > n_rows else {}

    for rows, found in in_order(work, pieces):
        if sample.n_seen <= n_rows < sample.n_seen + len(rows):  # from here on rows are dropped
            for kept in [sample.rows()] if sample.n_seen else []:
                words.add(kept, words.of(kept))
            found = words.of(rows)
        words.add(rows, found)
        sample.add(rows, len(rows))
    drawn = sample.rows()
    lacking = words.lacking(drawn) if sample.n_seen > n_rows else None
    return SampledRows(drawn if lacking is None else join_rows([drawn, lacking]), sample.n_seen)


class _Words:
    """The words of the text columns, and the first row with each."""

    def __init__(self, categories: frozenset[str]) -> None:
        self._categories = categories
        self._seen: dict[str, dict[str, int]] = {}
        self._closed: set[str] = set()
        self._examples: list[Rows] = []
        self._n_examples = 0

    def of(self, rows: Rows) -> dict[str, list[str]]:
        """Return the distinct words of each text column of some rows; called by any thread."""
        open_columns = [name for name in rows.table.column_names if name not in self._closed]
        columns = {name: plain_column(rows.table.column(name)) for name in open_columns}
        texts = {name: column for name, column in columns.items() if pa.types.is_string(column.type)}
        return {name: self._words(name, column) for name, column in texts.items()}

    def add(self, rows: Rows, found: Mapping[str, list[str]]) -> None:
        """Note the words of some rows that are new."""
        wanted: dict[int, list[tuple[str, str]]] = {}
        for name, words in found.items():
            if name in self._closed:
                continue
            known = self._seen.setdefault(name, {})
            new = [word for word in words if word not in known]
            if len(known) + len(new) > MAX_WORDS:
                self._closed.add(name)
                del self._seen[name]
                continue
            for word in new:
                position = pc.index(plain_column(rows.table.column(name)), word).as_py()
                wanted.setdefault(position, []).append((name, word))
        if not wanted:
            return
        positions = np.array(sorted(wanted), dtype=np.int64)
        for place, position in enumerate(positions.tolist(), start=self._n_examples):
            for name, word in wanted[position]:
                if name in self._seen:
                    self._seen[name][word] = place
        self._examples.append(take_rows(rows, positions))
        self._n_examples += len(positions)
        if len(self._examples) > _MAX_PIECES:
            self._examples = [join_rows(self._examples)]

    def lacking(self, rows: Rows) -> Rows | None:
        """Return rows with the words that no row of a sample has."""
        places: set[int] = set()
        for name, words in self._seen.items():
            if words:
                texts = pc.unique(plain_column(rows.table.column(name)))
                found = pc.is_in(arrow_texts(list(words)), texts).to_pylist()
                places.update(place for place, is_in in zip(words.values(), found, strict=True) if not is_in)
        if not places:
            return None
        chosen = np.array(sorted(places)[:MAX_EXAMPLES], dtype=np.int64)
        return take_rows(join_rows(self._examples), chosen)

    def _words(self, name: str, texts: pa.ChunkedArray) -> list[str]:
        """Return the distinct words among texts."""
        if name in self._categories:
            return [word for word in pc.unique(texts).to_pylist() if word]
        if _are_numbers(texts):
            return []
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
    numbers = rows.numbers[positions]
    if isinstance(rows, NumberRows):
        return replace(rows, numbers=numbers, values=rows.values[positions])
    return replace(rows, table=rows.table.take(arrow_numbers(positions)), numbers=numbers)


def join_rows(pieces: Sequence[Rows]) -> Rows:
    """The rows of several pieces of one kind, in order, with the source of the first."""
    numbers, first = np.concatenate([piece.numbers for piece in pieces]), pieces[0]
    matrices = [piece.values for piece in pieces if isinstance(piece, NumberRows)]
    if isinstance(first, NumberRows):
        return replace(first, numbers=numbers, values=np.concatenate(matrices))
    table = pa.concat_tables([piece.table for piece in pieces], promote_options="permissive")
    return replace(first, table=table.combine_chunks(), numbers=numbers)
