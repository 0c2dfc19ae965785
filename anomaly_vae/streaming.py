"""StreamFitting: a detector of tables is fitted on batches of rows of any number, in one pass."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Self, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from anomaly_vae.columns.frames import converted, from_rows
from anomaly_vae.columns.table import Table, column_names, holds_numbers, joined, take_rows, whole_rows
from anomaly_vae.errors import InputError, SchemaError
from anomaly_vae.sampling.rows import Positions
from anomaly_vae.sampling.sizes import SAMPLE_ROWS
from anomaly_vae.sampling.stream import StreamSample
from anomaly_vae.sampling.words import MAX_WORDS

_LIKE_A_NUMBER = re.compile(r"\W*[0-9]")
_LEAST_ROWS = 20
_WITH_WORDS = "Ob"  # the kinds of dtypes of objects, texts, categories and booleans


Fitting = TypeVar("Fitting", bound="StreamFitting")


class StreamFitting:
    """Fitting on an iterable of batches, of which a sample is kept."""

    column_kinds: Mapping[str, str] | None
    random_state: Any
    validation_fraction: float | str

    @abstractmethod
    def fit(
        self, X: Any, y: None = None, sample_weight: Any | None = None, held_out: Any | None = None
    ) -> Self:
        """Fit on a table and set the threshold."""

    def fit_stream(
        self, batches: Iterable[Any], *, per: str | None = None, n_rows: int = SAMPLE_ROWS
    ) -> Self:
        """Fit on batches of rows of any number, in one pass and in the memory of ``n_rows`` rows.

        Of more than ``n_rows`` rows a sample is drawn by ``random_state``, which does not depend on the sizes
        of the batches: rows to train on, at most 200,000, and others to calibrate with, as many as ``fit``
        uses of ``n_rows`` rows. It is not cross-fitted. A category that comes in only a few rows of the
        stream is known: the first row with each is trained on, unless it is held out; at most 1,000 rows.
        With ``n_rows`` rows or fewer the fit is exactly that of ``fit`` on all rows.

        Parameters
        ----------
        batches : iterable of DataFrame, array, or RecordBatch or Table of pyarrow
            Tables that ``fit`` takes, of shape (n_batch, n_columns), all with the same columns.
        per : str, optional
            The column of a key, such as a host. Of more than ``n_rows`` rows, each of its values then gives
            as many rows to train on as any other, or all of its rows if it has fewer, so that rare values are
            trained on. The held-out rows are drawn uniformly all the same: false-alarm rates, p-values
            and the share of a ``contamination`` are those of the rows of the stream. The column is also a
            feature, unless ``column_kinds`` says otherwise.
        n_rows : int, default=250,000
            The most rows to keep, at least 20.

        Raises
        ------
        InputError
            For a table in place of batches, for batches without rows or with different columns, and for a
            key with more than 10,000 values.
        SchemaError
            For a key that is not a column.

        Other errors and warnings are those of ``fit``; rows in messages are counted from the start of the
        stream.

        Examples
        --------
        >>> import numpy as np
        >>> from anomaly_vae import TabularVAEDetector
        >>> random = np.random.default_rng(0)
        >>> batches = (random.normal(size=(1_000, 2)) for _ in range(10))
        >>> detector = TabularVAEDetector(max_steps=50, random_state=0).fit_stream(batches, n_rows=3_000)
        >>> detector.training_["n_rows"]
        2000
        """
        return fit_sample(self, sample_plan(self, per, n_rows).sample(batches))


@dataclass(frozen=True)
class SamplePlan:
    """How a stream is sampled: the same for all parts of a stream that is sampled in parts.

    Attributes
    ----------
    n_rows, seed, per, fraction
        As in ``StreamSample``.
    categories : frozenset of str
        Columns whose values are all words, also if they are numbers.
    """

    n_rows: int
    seed: int
    per: str | None
    fraction: float | str
    categories: frozenset[str]

    def sample(
        self,
        batches: Iterable[Any],
        *,
        start: int = 0,
        number: int = 0,
        names: Sequence[str] | None = None,
    ) -> StreamSample[Table]:
        """The sample of batches; raises InputError and SchemaError as ``fit_stream`` does.

        Parameters
        ----------
        batches : iterable of DataFrame, array, or RecordBatch or Table of pyarrow
        start, number : int, default=0
            Position in the stream of the first row, and of the first batch, if they are a part of a stream.
        names : sequence of str, optional
            The columns; by default those of the first batch.
        """
        reader = TableReader(self.categories)
        sample = StreamSample(reader, self.n_rows, self.seed, self.per, self.fraction, start)
        for table in _tables(batches, self.per, number, names):
            sample.add(table, len(table))
        return sample


def sample_plan(detector: StreamFitting, per: str | None, n_rows: int) -> SamplePlan:
    """The plan of ``detector.fit_stream``.

    Raises ValueError for parameters out of range before the stream is read, which may take long.
    """
    estimator = cast(Any, detector)
    estimator._validate_params()
    estimator._check_parameters()
    if not isinstance(n_rows, int | np.integer) or n_rows < _LEAST_ROWS:
        raise InputError(f"n_rows: wanted an integer of at least {_LEAST_ROWS}, got {n_rows!r}")
    kinds = (detector.column_kinds or {}).items()
    categories = frozenset(name for name, kind in kinds if kind == "categorical")
    seed = seed_of(detector.random_state)
    return SamplePlan(int(n_rows), seed, per, detector.validation_fraction, categories)


def fit_sample(detector: Fitting, sample: StreamSample[Table]) -> Fitting:
    """Fit a detector on the sample of a stream."""
    rows, positions, held_out = sample.drawn()
    with whole_rows(positions):
        return detector.fit(rows, held_out=held_out)


class TableReader:
    """Reads DataFrames and arrays as the pieces of a stream.

    Parameters
    ----------
    categories : collection of str
        Columns whose values are all words, also if they are numbers.
    """

    def __init__(self, categories: Collection[str] = ()) -> None:
        self._categories = frozenset(categories)

    def take(self, piece: Table, positions: Positions) -> Table:
        """Some rows of a table."""
        return take_rows(piece, positions)

    def join(self, pieces: Sequence[Table]) -> Table:
        """The rows of several tables, in order."""
        return joined(pieces)

    def words(self, piece: Table, closed: Collection[str]) -> dict[str, list[Hashable]]:
        """The distinct texts, booleans and categories of each column, except closed ones."""
        if isinstance(piece, np.ndarray) and holds_numbers(piece) and not self._categories:
            return {}
        columns = [name for name in column_names(piece) if name not in closed]
        found = {name: self._words(name, _column(piece, name)) for name in columns}
        return {name: words for name, words in found.items() if words}

    def place(self, piece: Table, column: str, word: Any) -> int:
        """The position of the first row with a word."""
        is_word = _column(piece, column).eq(word)
        return int(is_word.fillna(False).to_numpy(dtype=bool).argmax())

    def strata(self, piece: Table, column: str) -> tuple[NDArray[np.int64], list[Hashable]]:
        """For each row a position among the distinct values of a column, -1 if missing; and the values."""
        places, values = pd.factorize(_column(piece, column))
        return places.astype(np.int64), values.tolist()

    def _words(self, name: str, cells: pd.Series) -> list[Hashable]:
        is_category = name in self._categories
        if cells.dtype.kind not in _WITH_WORDS and not is_category:
            return []
        try:
            values = cells.dropna().unique().tolist()
        except TypeError:  # lists and other cells that the fit refuses
            return []
        if not is_category:
            values = [value for value in values if _is_word(value)]
        return values[: MAX_WORDS + 1]


def _is_word(value: object) -> bool:
    if isinstance(value, str):
        return not _LIKE_A_NUMBER.match(value) and bool(value.strip())
    return isinstance(value, bool | np.bool_)


def _column(table: Table, name: str) -> pd.Series:
    position = column_names(table).index(name)
    return pd.Series(table[:, position]) if isinstance(table, np.ndarray) else table.iloc[:, position]


def _tables(batches: Any, per: str | None, first: int, names: Sequence[str] | None) -> Iterator[Table]:
    """The batches with rows as tables; raises InputError for those that cannot be parts of one table."""
    if hasattr(batches, "shape") or hasattr(batches, "column_names") or not hasattr(batches, "__iter__"):
        raise InputError(
            f"fit_stream takes an iterable of tables, got one {type(batches).__name__}; call fit(X) for one "
            "table, or fit_stream([X])"
        )
    has_rows = False
    for number, batch in enumerate(batches, first):
        table = _as_table(batch, number)
        own = column_names(table)
        names = own if names is None else names
        if per is not None and per not in names:
            raise SchemaError(f"per: {per!r} is not a column of the batches: {', '.join(names[:10])}")
        if own != names:
            raise InputError(f"batch {number}: {_difference(own, names)}; give batches of the same columns")
        if len(table):
            has_rows = True
            yield table
    if not has_rows:
        raise InputError(
            "the batches have no rows"
            if names is not None
            else "there are no batches; a generator gives its batches only once: make a new one for each fit"
        )


def _as_table(batch: Any, number: int) -> Table:
    table = converted(batch)
    if isinstance(table, list | tuple):
        table = from_rows(table)
    if not isinstance(table, np.ndarray | pd.DataFrame) or table.ndim != 2:
        what = f"{type(batch).__name__}" + (f" of shape {table.shape}" if hasattr(table, "shape") else "")
        raise InputError(f"batch {number}: wanted a table of rows and columns, got {what}")
    return table


def _difference(own: list[str], names: Sequence[str]) -> str:
    """How the columns of a batch differ from those of the first."""
    lacking, more = [n for n in names if n not in own], [n for n in own if n not in names]
    if len(own) == len(names) and not lacking:
        place = next(j for j, name in enumerate(names) if own[j] != name)
        return f"column {place} is {own[place]!r}, and in batch 0 it is {names[place]!r}"
    if lacking:
        return f"there is no column {lacking[0]!r}, which batch 0 has"
    return f"there is a column {more[0]!r}, which batch 0 does not have"


def seed_of(random_state: Any) -> int:
    """An integer for ``random_state``; a generator is not advanced, so that a fit is the one of ``fit``."""
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(deepcopy(random_state)).randint(2**31 - 1))
