"""Charts as SVG without scripts: bars over rows or time, a waterfall of nats, a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_WIDTH, _HEIGHT = 640, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 18, 34
_LINE = 26
_NAMES, _VALUES = 190, 90


def bars(
    bins: Sequence[Mapping[str, Any]], width: float, below: str, first: str, last: str, most: float = 100.0
) -> str:
    """The highest severity of each bin, with a number of alerts above the bins that have any.

    ``width`` is that of a bin in the unit of its ``start``; ``below`` names the axis, whose ends are
    ``first`` and ``last``.
    """
    low = bins[0]["start"]
    step = (_WIDTH - _LEFT - _RIGHT) * width / (bins[-1]["start"] + width - low)
    floor, scale = _HEIGHT - _BOTTOM, (_HEIGHT - _TOP - _BOTTOM) / most
    parts = []
    for one in bins:
        x, height = _LEFT + (one["start"] - low) / width * step, one["highest"] * scale
        kind = "alert" if one["alerts"] else "bar"
        parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{floor - height:.1f}" width="{max(step - 1, 1):.1f}" '
            f'height="{height:.1f}"><title>{one["rows"]:,} rows, {one["alerts"]:,} alerts, highest severity '
            f"{one['highest']:.1f}</title></rect>"
        )
    for value in (0.0, most / 2, most):
        y = floor - value * scale
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{floor}" y2="{floor}"/>')
    middle = (_WIDTH + _LEFT) / 2
    for x, anchor, text in (
        (_LEFT, "start", first),
        (middle, "middle", below),
        (_WIDTH - _RIGHT, "end", last),
    ):
        parts.append(f'<text x="{x}" y="{_HEIGHT - 12}" text-anchor="{anchor}">{escape(text)}</text>')
    return _svg(_WIDTH, _HEIGHT, "highest severity (0 to 100) by " + below, parts)


def waterfall(steps: Sequence[tuple[str, float]]) -> str:
    """Nats by column, each bar beginning where the one above ends; the sum is the last line."""
    total = sum(nats for _, nats in steps)
    scale = (_WIDTH - _NAMES - _VALUES) / (-total or 1.0)
    parts, start = [], 0.0
    for line, (name, nats) in enumerate([*steps, ("shortfall", total)]):
        start = 0.0 if line == len(steps) else start
        y, length = line * _LINE, -nats * scale
        kind = "bar" if line == len(steps) else "alert"
        parts.append(
            f'<text x="{_NAMES - 8}" y="{y + 17}" text-anchor="end">{escape(_short(name))}</text>'
            f'<rect class="{kind}" x="{_NAMES + start:.1f}" y="{y + 4}" width="{max(length, 1):.1f}" '
            f'height="{_LINE - 8}"/>'
            f'<text x="{_NAMES + start + length + 6:.1f}" y="{y + 17}">{nats:.1f} nats</text>'
        )
        start += length
    return _svg(_WIDTH, _LINE * (len(steps) + 1), "nats by column", parts)


def curve(values: Sequence[float]) -> str:
    """A line through values, from the first to the last, with the numbers of both ends."""
    low, high = min(values), max(values)
    scale = 60 / ((high - low) or 1.0)
    step = 440 / max(len(values) - 1, 1)
    points = " ".join(f"{100 + i * step:.1f},{10 + (high - v) * scale:.1f}" for i, v in enumerate(values))
    first, last = (10 + (high - value) * scale + 4 for value in (values[0], values[-1]))
    parts = [
        f'<polyline class="curve" points="{points}"/>',
        f'<text x="94" y="{first:.1f}" text-anchor="end">{values[0]:.4g}</text>',
        f'<text x="546" y="{last:.1f}">{values[-1]:.4g}</text>',
    ]
    return _svg(_WIDTH, 80, "history of the training", parts)


def _short(name: str) -> str:
    return name if len(name) <= 26 else name[:25] + "…"


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    inner = "".join(parts)
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">{inner}</svg>'
