"""How commands print: numbers as people read them, and aligned lines of name and value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import RenderableType


def echo_pairs(title: str, pairs: Iterable[tuple[str, str]]) -> None:
    """A title, and below it one indented line a name and value, values aligned."""
    pairs = list(pairs)
    width = max(len(name) for name, _ in pairs)
    lines = [title, *(f"  {name:<{width}}  {value}" for name, value in pairs)]
    click.echo("\n".join(map(printable, lines)))


def echo_json(content: Mapping[str, Any]) -> None:
    """A mapping as indented JSON."""
    click.echo(json.dumps(content, indent=2, allow_nan=False))


def echo_rich(*renderables: RenderableType) -> None:
    """What rich draws, through click, which knows what to do when a reader has left."""
    from rich.console import Console

    console = Console(highlight=False)
    with console.capture() as capture:
        console.print(*renderables, sep="\n")
    click.echo(capture.get(), nl=False)


def printable(text: str) -> str:
    """A text from a file, with what could steer a terminal made visible."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def nats(value: float) -> str:
    """A score or threshold for people."""
    return f"{value:.4g} nats"


def image_text(height: int, width: int, channels: int) -> str:
    """What images are: ``128 x 128 pixels, grey``."""
    return f"{height} x {width} pixels, {'grey' if channels == 1 else 'colour'}"


def threshold_text(offset: float, false_alarm_rate: float | None, tail: str | None) -> str:
    """A threshold and what it promises, or is estimated to keep."""
    if false_alarm_rate is None:
        return nats(offset)
    estimate = ", estimated" if tail == "gpd" else ""
    return f"{nats(offset)} (false-alarm rate {false_alarm_rate:.3g}{estimate})"
