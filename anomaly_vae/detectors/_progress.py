"""A progress bar on stderr that shows the running ELBO of a fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

OnCheck = Callable[[int, float], None]


@contextmanager
def fit_progress(n_steps: int, verbose: int) -> Iterator[OnCheck | None]:
    """A callback ``(step, elbo)`` that moves the bar; None and silence at ``verbose=0``."""
    if not verbose:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("fit"),
        BarColumn(),
        TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
        TextColumn("ELBO {task.fields[elbo]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("fit", total=n_steps, elbo="...")
        yield lambda step, elbo: progress.update(task, completed=step, elbo=f"{elbo:.2f} nats")
