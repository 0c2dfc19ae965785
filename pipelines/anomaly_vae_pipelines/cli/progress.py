"""Progress of a scoring run: a bar on a terminal, a line every ten seconds elsewhere, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from anomaly_vae_pipelines.cli.printing import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from anomaly_vae_pipelines.scoring.options import Progress, WorstRow

OnProgress = Callable[["Progress"], None]

LINE_SECONDS = 10.0
"""Time between two lines."""


@contextmanager
def shown_progress(verbose: bool | None, on_terminal: bool) -> Iterator[OnProgress | None]:
    """Provide the callback that shows progress: as a bar or as lines; None with ``verbose=False``."""
    if verbose is False:
        yield None
    elif on_terminal:
        with _bar() as on_progress:
            yield on_progress
    else:
        yield _Lines()


class _Lines:
    """Prints a line every ten seconds."""

    def __init__(self) -> None:
        self._started = self._printed = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._printed < LINE_SECONDS:
            return
        self._printed = now
        share = f", {progress.n_bytes / progress.total_bytes:.0%}" if progress.total_bytes else ""
        click.echo(_text(progress, now - self._started) + share, err=True)


@contextmanager
def _bar() -> Iterator[OnProgress]:
    """Show a bar of bytes with rows, anomalies, rows per second and the remaining time, below the worst rows.

    The bar is removed at the end; the worst rows stay.
    """
    from rich import progress as rich_progress
    from rich.console import Console

    worst: tuple[WorstRow, ...] = ()

    class Bar(rich_progress.Progress):
        def get_renderables(self) -> Iterator[RenderableType]:
            if worst:
                yield _table(worst)
            yield self.make_tasks_table(self.tasks)

    columns = (
        rich_progress.BarColumn(bar_width=24),
        rich_progress.TaskProgressColumn(),
        rich_progress.TextColumn("{task.description}"),
        rich_progress.TimeRemainingColumn(),
    )
    started = time.monotonic()
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)

        def on_progress(progress: Progress) -> None:
            nonlocal worst
            worst = progress.worst
            text = _text(progress, time.monotonic() - started)
            bar.update(task, description=text, total=progress.total_bytes, completed=progress.n_bytes)

        yield on_progress
    if worst:
        console.print(_table(worst))


def _table(worst: Sequence[WorstRow]) -> Table:
    """A line for each of the worst rows, cut at the width of the terminal."""
    from rich.table import Table
    from rich.text import Text

    table = Table("severity", "row", "reasons", box=None, header_style="bold")
    table.columns[0].justify = "right"
    for column in table.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
    for row in worst:
        table.add_row(f"{row.severity:.1f}", *(Text(printable(text)) for text in (row.name, row.reasons)))
    return table


def _text(progress: Progress, seconds: float) -> str:
    speed = progress.n_rows / max(seconds, 1e-9)
    return f"{progress.n_rows:,} rows, {progress.n_anomalies:,} anomalous, {speed:,.0f} rows/s"
