"""score_blocks: reads and scores the blocks of a source on several threads, in order.

Every command that scores rows or images uses this function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from anomaly_vae.nn.threads import one_thread
from anomaly_vae.runtime.blocks import on_this_thread
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.io.parallel import in_order
from anomaly_vae_pipelines.records import Rejected, ScoredRows
from anomaly_vae_pipelines.scoring.adapters import AnyScorer
from anomaly_vae_pipelines.sources import Block, Source, SourcePosition
from anomaly_vae_pipelines.sources.selection import require_columns

Result = TypeVar("Result")


class ScoredBlock(NamedTuple):
    """A block: its scored rows, and the rows that cannot be read or scored, in order of their lines."""

    block: Block
    scored: ScoredRows
    rejected: Sequence[Rejected]


def score_blocks(
    scorer: AnyScorer,
    source: Source,
    then: Callable[[ScoredBlock], Result],
    *,
    columns: Sequence[str] = (),
    start: SourcePosition | None = None,
    whole: bool = False,
    jobs: int | None = None,
) -> Iterator[Result]:
    """Read and score each block of a source, and apply ``then`` to it, on ``jobs`` threads.

    Parameters
    ----------
    scorer : Scorer or ImageScorer
    source : Source
    then : callable
        Function called on each scored block in the same thread, for example to encode it.
    columns : sequence of str
        Columns to read besides those of the model.
    start : SourcePosition, optional
        Where to start; the beginning by default.
    whole : bool
        Whether the rows also keep all columns as they are in the file.
    jobs : int, optional
        Number of threads; one per core by default.

    Yields
    ------
    result
        The results of ``then``, in the order of the file.

    Raises
    ------
    InputError
        For a missing column or a damaged file.
    """
    wanted = columns_to_read(scorer, source, columns)

    def work(block: Block) -> Result:
        with one_thread(), on_this_thread():
            rows, unread = source.read(block, wanted, scorer.numeric, whole=whole)
            scored, unscored = scorer(rows)
            rejected = sorted([*unread, *unscored], key=lambda row: row.number)
            return then(ScoredBlock(block, scored, rejected))

    return in_order(work, source.blocks(start), jobs)


def columns_to_read(scorer: AnyScorer, source: Source, columns: Sequence[str] = ()) -> list[str]:
    """Return the columns of the model and ``columns``; for an image model, which has none, all columns.

    Raises InputError for a missing column.
    """
    require_columns(scorer.names, source, ", which the model was fitted on")
    require_columns(columns, source)
    return list(dict.fromkeys([*scorer.names, *columns])) if scorer.names else list(source.columns)


def all_scored(block: ScoredBlock) -> ScoredRows:
    """Return the scored rows of a block; raises SourceError for the first rejected row."""
    for row in block.rejected:
        raise SourceError(row.source, row.line, row.reason)
    return block.scored
