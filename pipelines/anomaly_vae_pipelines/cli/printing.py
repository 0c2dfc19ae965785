"""Output of commands: formatted numbers, and aligned lines of name and value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from anomaly_vae_pipelines.plurals import counted

if TYPE_CHECKING:
    from rich.console import JustifyMethod, OverflowMethod, RenderableType

    from anomaly_vae_pipelines.runs.gates import Outcome

WIDE = 1.5
"""A command prints the actual false-alarm rate if it may exceed the guaranteed one by this factor."""


def echo_pairs(title: str, pairs: Iterable[tuple[str, str]]) -> None:
    """Print a title, and below it one indented line per name, with aligned values."""
    pairs = list(pairs)
    width = max(len(name) for name, _ in pairs)
    lines = [title, *(f"  {name:<{width}}  {value}" for name, value in pairs)]
    click.echo("\n".join(map(printable, lines)))


def echo_json(content: Mapping[str, Any]) -> None:
    """Print a mapping as indented JSON."""
    click.echo(json.dumps(content, indent=2, allow_nan=False))


def echo_rich(*renderables: RenderableType) -> None:
    """Print rich output through click, which handles closed pipes."""
    from rich.console import Console

    console = Console(highlight=False)
    with console.capture() as capture:
        console.print(*renderables, sep="\n")
    click.echo(capture.get(), nl=False)


def echo_table(
    names: Iterable[str],
    rows: Iterable[Iterable[str]],
    *,
    justify: JustifyMethod = "left",
    overflow: OverflowMethod = "ellipsis",
) -> None:
    """Print rows below the names of their columns; ``justify`` does not apply to the first column."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Column, Table
    from rich.text import Text

    first, *others = (Column(name, overflow=overflow) for name in names)
    table = Table(first, *(replace(column, justify=justify) for column in others), box=SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    echo_rich(table)


def printable(text: str) -> str:
    """Replace control characters, which could change the terminal, in a text."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def nats(value: float) -> str:
    """Format a score or a threshold."""
    return f"{value:.4g} nats"


def image_text(height: int, width: int, channels: int) -> str:
    """Format size and colour of images: ``128 x 128 pixels, grey``."""
    return f"{height} x {width} pixels, {'grey' if channels == 1 else 'colour'}"


def actual_rate(
    rate: float | None, interval: Sequence[float] | None, n_calibration: int, noun: str = "row"
) -> list[tuple[str, str]]:
    """The pair for ``echo_pairs`` that warns of a wide interval of the actual false-alarm rate, or none.

    It is wide if its upper end is more than ``WIDE`` times the rate that the threshold guarantees.
    """
    if rate is None or interval is None or interval[1] <= WIDE * rate:
        return []
    low, high = interval
    rows = counted(n_calibration, f"calibration {noun}")
    return [("actual rate", f"{low:.2g} to {high:.2g} with 90 % confidence ({rows})")]


def threshold_text(
    offset: float | None, false_alarm_rate: float | None, tail: str | None, n_keys: int | None = None
) -> str:
    """Format a threshold with its guaranteed or estimated false-alarm rate."""
    if offset is None:
        return "one for all rows, as no key has enough" if not n_keys else f"one for each of {n_keys:,} keys"
    if false_alarm_rate is None:
        return nats(offset)
    estimate = ", estimated" if tail == "gpd" else ""
    return f"{nats(offset)} (false-alarm rate {false_alarm_rate:.3g}{estimate})"


def gate_pairs(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    """Pairs for ``echo_pairs``, one for each clause of a gate."""
    return [("gate", f"{one.clause} {'holds' if one.holds else 'does not hold'}") for one in outcomes]


def gate_fields(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The outcomes of a gate for JSON; empty without a gate."""
    if not outcomes:
        return {}
    holds = all(one.holds for one in outcomes)
    return {"gate": {"holds": holds, "clauses": [asdict(one) for one in outcomes]}}
