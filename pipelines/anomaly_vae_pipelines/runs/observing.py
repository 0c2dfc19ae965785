"""Observing: what every watcher does with rows: it scores and counts them, and passes them to an observer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.io.durable import atomic_write
from anomaly_vae_pipelines.records import Rejected
from anomaly_vae_pipelines.runs.stats import RunStats
from anomaly_vae_pipelines.scoring.adapters import AnyScorer
from anomaly_vae_pipelines.scoring.blocks import score_blocks
from anomaly_vae_pipelines.scoring.options import Observer
from anomaly_vae_pipelines.sources import Block, Source, SourcePosition
from anomaly_vae_pipelines.sources.selection import require_columns


class Observing:
    """Scores rows, counts them, passes them to an observer, and keeps its state in a checkpoint.

    Parameters
    ----------
    scorer : Scorer or ImageScorer
    observer : Observer
    checkpoint : Path
        File for the state of the observer, and for the positions of a watcher.
    on_rejected : callable
        Called with the rows that cannot be read.
    on_trouble : callable
        Called with a message about what goes wrong without ending the watch.

    Attributes
    ----------
    counts : RunStats
        Counts since the start.
    saved : dict
        What the checkpoint held, empty without one.

    Raises
    ------
    SourceError
        For a checkpoint that is not valid.
    """

    def __init__(
        self,
        scorer: AnyScorer,
        observer: Observer,
        checkpoint: Path,
        *,
        on_rejected: Callable[[list[Rejected]], object],
        on_trouble: Callable[[str], object],
    ) -> None:
        self.scorer, self.observer, self.checkpoint, self.counts = scorer, observer, checkpoint, RunStats()
        self.on_rejected, self.on_trouble, self._has_reported_unseen = on_rejected, on_trouble, False
        self.saved: dict[str, Any] = {}
        if checkpoint.exists():
            with self.valid_checkpoint():
                self.saved = json.loads(checkpoint.read_text(encoding="utf-8"))
                observer.set_state(self.saved["observer"])

    def observe(self, source: Source, start: SourcePosition | None = None) -> Iterator[Block]:
        """The blocks of a source, each once the observer has its rows."""
        for scored in score_blocks(
            self.scorer, source, lambda block: block, columns=self.observer.columns, start=start
        ):
            self.counts.add(scored.scored, scored.rejected)
            self._report_unseen(source.name)
            if scored.rejected:
                self.on_rejected(list(scored.rejected))
            self.observer.observe(scored.scored)
            yield scored.block

    def check(self, source: Source) -> None:
        """Raise InputError if a source lacks a column of the model or of the observer."""
        require_columns(self.scorer.names, source, ", which the model was fitted on")
        require_columns(self.observer.columns, source, ", which a rule or --id names")

    def save(self, **positions: Any) -> None:
        """Save the state of the observer, with the positions of a watcher, to the checkpoint."""
        atomic_write(self.checkpoint, json.dumps(positions | {"observer": self.observer.get_state()}))

    @contextmanager
    def valid_checkpoint(self) -> Iterator[None]:
        """Raise SourceError for an error of the block, which reads the checkpoint."""
        try:
            yield
        except OSError as error:
            problem = f"cannot be opened ({error.strerror}); wanted a checkpoint"
            raise SourceError(str(self.checkpoint), None, problem) from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            problem = "is not a valid checkpoint; delete it to start over"
            raise SourceError(str(self.checkpoint), None, problem) from error

    def _report_unseen(self, source: str) -> None:
        """Report once that many rows hold values that training never saw."""
        if not self._has_reported_unseen and (problem := self.counts.unseen_problem()) is not None:
            self._has_reported_unseen = True
            self.on_trouble(f"{source}: {problem}")
