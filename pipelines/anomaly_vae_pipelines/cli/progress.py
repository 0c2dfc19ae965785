"""Progress of a scoring run: a bar on a terminal, a line every ten seconds elsewhere, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from anomaly_vae_pipelines.scoring.options import Progress

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
    """Show a bar of bytes with rows, anomalies, rows per second and the remaining time."""
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.BarColumn(bar_width=24),
        rich_progress.TaskProgressColumn(),
        rich_progress.TextColumn("{task.description}"),
        rich_progress.TimeRemainingColumn(),
    )
    started = time.monotonic()
    with rich_progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def on_progress(progress: Progress) -> None:
            text = _text(progress, time.monotonic() - started)
            bar.update(task, description=text, total=progress.total_bytes, completed=progress.n_bytes)

        yield on_progress


def _text(progress: Progress, seconds: float) -> str:
    speed = progress.n_rows / max(seconds, 1e-9)
    return f"{progress.n_rows:,} rows, {progress.n_anomalies:,} anomalous, {speed:,.0f} rows/s"
