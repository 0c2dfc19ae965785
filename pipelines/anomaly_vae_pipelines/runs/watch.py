"""Watcher: a file that grows, or a directory that receives files, row by row to whoever observes.

Where reading has come to is kept by file, not by name: a file that was rotated is found again by its inode
or its fingerprint, is read to its end under its new name, and the files that were rotated after it are
read too, oldest first; one that was cut is read from its start. Positions and the observer's state are one
file, replaced as a whole after every block, so that a restart neither skips nor repeats a row.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.io.durable import atomic_write
from anomaly_vae_pipelines.records import Rejected
from anomaly_vae_pipelines.runs.positions import Position
from anomaly_vae_pipelines.scoring.adapters import AnyScorer
from anomaly_vae_pipelines.scoring.blocks import ScoredBlock, score_blocks
from anomaly_vae_pipelines.scoring.options import Observer
from anomaly_vae_pipelines.sources import Arrivals, Source, SourcePosition
from anomaly_vae_pipelines.sources.rotation import rotated_files
from anomaly_vae_pipelines.sources.selection import require_columns


@dataclass
class Counts:
    """What a watcher has seen since it began; ``n_lost`` files could not be read to their end."""

    n_rows: int = 0
    n_anomalies: int = 0
    n_lost: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


class Watcher:
    """Shows an observer all rows of a file or a directory, as they come.

    Parameters
    ----------
    scorer : Scorer or ImageScorer
    source : str
        A file (which need not be there yet) or a directory of files.
    observer : Observer
    checkpoint : Path
        File that keeps the positions and the observer's state.
    on_rejected : callable
        Given the rows that cannot be read.
    on_trouble : callable
        Told in a sentence, once, of a file that cannot be read; it is tried again when it changes.
    arrivals : Arrivals
        How files of this kind are found and opened.

    Attributes
    ----------
    counts : Counts
    is_waiting : bool
        Whether a rotated file is to be read at the next look, when it no longer changes.

    Raises
    ------
    InputError
        For a checkpoint that is none, and for a place that the model cannot watch.
    """

    def __init__(
        self,
        scorer: AnyScorer,
        source: str,
        observer: Observer,
        checkpoint: Path,
        *,
        on_rejected: Callable[[list[Rejected]], object],
        on_trouble: Callable[[str], object],
        arrivals: Arrivals,
    ) -> None:
        self.scorer, self.source, self.observer = scorer, Path(source), observer
        self.checkpoint, self.counts, self.is_waiting = checkpoint, Counts(), False
        self._arrivals = arrivals
        self._on_rejected, self._on_trouble = on_rejected, on_trouble
        self._positions: dict[str, Position] = {}
        self._troubles: dict[str, str] = {}
        self._restore()

    def poll(self) -> int:
        """Read what has come since the last time; gives the number of rows."""
        before, self.is_waiting = self.counts.n_rows, False
        files = list(self._files())
        for path in files:
            try:
                self._read(path)
            except InputError as error:
                self._say(path, str(error))
                continue
            self.is_waiting = self._holds_up(path)
            if self.is_waiting:
                break
        self._forget(files)
        return self.counts.n_rows - before

    def save(self) -> None:
        """Bring positions and the observer's state to disk."""
        files = {name: asdict(position) for name, position in self._positions.items()}
        state = {"files": files, "observer": self.observer.get_state()}
        atomic_write(self.checkpoint, json.dumps(state))

    def _files(self) -> Iterator[Path]:
        """Files to look at, those that were written to first before others."""
        if self.source.is_dir():
            yield from sorted(
                self._arrivals.files_in(self.source), key=lambda path: (_mtime(path), path.name)
            )
            return
        unread = self._unread()
        yield from (path for path in self._renamed() if path not in unread)
        yield from unread
        if self.source.exists():
            yield self.source

    def _unread(self) -> list[Path]:
        """After a rotation: the file that was read last, and those rotated after it, oldest first."""
        if not self._positions or self._arrivals.needs_complete_file(self.source) or self._is_unbroken():
            return []
        name, position = list(self._positions.items())[-1]
        rotated = rotated_files(self.source)
        renamed = next((path for path in self._renamed() if _identity(path) == name), None)
        if renamed is not None and renamed not in rotated:
            return [renamed, *(path for path in rotated if _mtime(path) > _mtime(renamed))]
        last = renamed or self._found_again(name, position, rotated)
        if last is None:
            self._lose(name, position)
            return [path for path in rotated if _mtime(path) > position.mtime]
        return rotated[rotated.index(last) :]

    def _is_unbroken(self) -> bool:
        """Whether the watched file is one that was read before, and only grew."""
        position = self._positions.get(_identity(self.source) or "")
        return position is not None and position.offset > 0 and position.fits(self.source)

    def _found_again(self, name: str, position: Position, rotated: list[Path]) -> Path | None:
        """A copy of a file, plain or compressed, from which reading goes on; None where there is none."""
        copies = [path for path in rotated if position.n_head and position.fits(path)]
        if not copies:
            return None
        later = [path for path in copies if _mtime(path) >= position.mtime]
        copy = (later or copies)[0]
        del self._positions[name]
        self._positions[_identity(copy) or ""] = position
        return copy

    def _lose(self, name: str, position: Position) -> None:
        """Say that a file is gone, with whatever was added to it since it was read."""
        del self._positions[name]
        if not position.offset:
            return
        self.counts.n_lost += 1
        is_cut = name == _identity(self.source)
        what = "was cut or replaced; it is read from its start" if is_cut else "is gone"
        self._on_trouble(
            f"{self.source}: {what}, and the file that was read up to line {position.line} is not among its "
            f"rotated files: rows that were added to it after that line are lost"
        )

    def _holds_up(self, path: Path) -> bool:
        """Whether a rotated file has to be read before those after it, and has not settled yet."""
        if self.source.is_dir() or path == self.source or not self._arrivals.needs_complete_file(path):
            return False
        position = self._positions.get(_identity(path) or "")
        return position is not None and not position.is_done

    def _renamed(self) -> list[Path]:
        """Files that were read under the watched name and have another now."""
        current = _identity(self.source)
        known = {name for name in self._positions if name != current}
        if not known or not self.source.parent.is_dir():
            return []
        return [path for path in sorted(self.source.parent.iterdir()) if _identity(path) in known]

    def _read(self, path: Path) -> None:
        """Show the observer the rows of one file that are new."""
        name = _identity(path)
        if name is None:
            return
        position = self._position(name, path)
        if not self._is_ready(path, position):
            return
        with path.open("rb") as stream, self._arrivals.open(path) as source:
            if {_identity_of(os.fstat(stream.fileno())), _identity(path)} != {name}:
                return  # it was rotated just now, and will be read under its new name
            self._check(source)
            self._show(source, position, stream)
        position.is_done = self._arrivals.needs_complete_file(path)
        self.save()

    def _is_ready(self, path: Path, position: Position) -> bool:
        """Whether there is something new, and of a file that has to be complete, whether it has settled."""
        before = position.size, position.mtime
        position.size, position.mtime = path.stat().st_size, _mtime(path)
        if self._arrivals.needs_complete_file(path):
            return not position.is_done and before == (position.size, position.mtime)
        return position.size > position.offset and _has_line(path)

    def _show(self, source: Source, position: Position, stream: IO[bytes]) -> None:
        start = SourcePosition(position.offset, position.line) if position.offset else None
        columns = self.observer.columns
        for piece in score_blocks(self.scorer, source, _unchanged, columns=columns, start=start):
            self._count(piece)
            self.observer.observe(piece.scored)
            block = piece.block
            if self._arrivals.needs_complete_file(Path(source.name)):
                position.offset, position.line = block.end.offset, block.end.line
            else:
                position.move(stream, block.end.offset, block.end.line)
            self.save()

    def _count(self, piece: ScoredBlock) -> None:
        self.counts.n_rows += len(piece.scored) + len(piece.rejected)
        self.counts.n_anomalies += int(piece.scored.is_anomaly.sum())
        self.counts.rejected.update(row.kind for row in piece.rejected)
        if piece.rejected:
            self._on_rejected(list(piece.rejected))

    def _position(self, name: str, path: Path) -> Position:
        """Where to go on in a file; at its start if it is another than the one that was read."""
        position = self._positions.setdefault(name, Position())
        status = path.stat()
        if self._arrivals.needs_complete_file(path):
            is_other = position.is_done and (status.st_size, status.st_mtime) != (
                position.size,
                position.mtime,
            )
        else:
            is_other = status.st_size < position.offset or not position.fits(path)
        if is_other:
            self._on_trouble(f"{path}: was cut or replaced; it is read from its start")
            position = self._positions[name] = Position()
        return position

    def _check(self, source: Source) -> None:
        require_columns(self.scorer.names, source, ", which the model was fitted on")
        require_columns(self.observer.columns, source, ", which a rule or --id names")

    def _say(self, path: Path, problem: str) -> None:
        """Tell of a problem once."""
        if self._troubles.get(str(path)) != problem:
            self._troubles[str(path)] = problem
            self._on_trouble(problem)

    def _forget(self, files: list[Path]) -> None:
        """Drop the positions of files that are gone."""
        there = {_identity(path) for path in files}
        self._positions = {name: place for name, place in self._positions.items() if name in there}

    def _restore(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return
        try:
            state: dict[str, Any] = json.loads(self.checkpoint.read_text(encoding="utf-8"))
            self._positions = {name: Position(**place) for name, place in state["files"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"is not a valid checkpoint ({error}); delete it to start over"
            raise SourceError(str(self.checkpoint), None, problem) from error
        self.observer.set_state(state["observer"])


def _unchanged(block: ScoredBlock) -> ScoredBlock:
    return block


def _identity(path: Path) -> str | None:
    """What a file is whatever its name; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return _identity_of(status) if path.is_file() else None


def _identity_of(status: os.stat_result) -> str:
    return f"{status.st_dev}:{status.st_ino}"


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _has_line(path: Path) -> bool:
    """Whether one line at least is whole."""
    with path.open("rb") as stream:
        return b"\n" in stream.read(1 << 20)


def default_checkpoint(source: str) -> Path:
    """Where a watch keeps its place unless it is told: a hidden file beside what it watches."""
    path = Path(os.path.abspath(source))
    return path.with_name(f".{path.name}.watch")
