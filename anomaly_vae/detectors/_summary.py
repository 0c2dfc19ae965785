"""What a notebook shows of a fitted detector: rows, columns by kind, threshold, and the history as a line."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WIDTH, _HEIGHT, _MARGIN = 160, 32, 3


def caption(metadata: Mapping[str, Any]) -> str:
    """Rows, inputs and threshold in one short line, for the box of a detector in a diagram."""
    return "; ".join([f"{metadata['training']['n_rows']:,} rows", _inputs(metadata), _threshold(metadata)])


def summary_html(metadata: Mapping[str, Any], history: Mapping[str, NDArray[np.float64]]) -> str:
    """A table with the same and the history of the fit, as HTML without scripts or links.

    Texts are escaped, and lines have the colour of the text around them.
    """
    training, threshold = metadata["training"], metadata["threshold"]
    lines = {
        "rows": f"{training['n_rows']:,} trained on, {threshold['n_calibration']:,} for calibration",
        "images" if "image" in metadata else "columns": _inputs(metadata),
        "threshold": _threshold(metadata),
    }
    cells = [f"<td>{html.escape(text)}</td>" for text in lines.values()]
    names = list(lines)
    if _can_be_drawn(history):
        names.append("ELBO")
        cells.append(f"<td>{_sparkline(history['step'], history['elbo_train'])}</td>")
    rows = "".join(
        f'<tr><th style="text-align: left; font-weight: normal; opacity: 0.7">{name}</th>'
        f"{cell.replace('<td>', _CELL)}</tr>"
        for name, cell in zip(names, cells, strict=True)
    )
    return f'<table class="anomaly-vae-summary" style="{_TABLE}">{rows}</table>'


def _can_be_drawn(history: Mapping[str, NDArray[np.float64]]) -> bool:
    """Whether a history has finite steps and ELBOs; that of a model file may have other arrays, or none."""
    lines = [history.get(name, np.zeros(0)) for name in ("step", "elbo_train")]
    return all(len(line) > 0 and bool(np.isfinite(line).all()) for line in lines)


def visual_block() -> Any:
    """The class of boxes in the diagrams of scikit-learn, which version 1.7 moved to another module."""
    try:
        from sklearn.utils._repr_html.estimator import _VisualBlock
    except ImportError:
        from sklearn.utils._estimator_html_repr import _VisualBlock
    return _VisualBlock


_TABLE = "border-collapse: collapse; font-size: 0.9em; margin: 0.5em 0"
_CELL = '<td style="text-align: left; padding: 0.1em 0.8em">'


def _inputs(metadata: Mapping[str, Any]) -> str:
    """Columns by kind, or the size of the images."""
    if "image" in metadata:
        (height, width), channels = metadata["image"]["size"], metadata["image"]["channels"]
        colour = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
        return f"{height} x {width} pixels, {colour}"
    kinds = Counter(column["kind"] for column in metadata["schema"])
    return ", ".join(f"{number:,} {kind}" for kind, number in kinds.most_common())


def _threshold(metadata: Mapping[str, Any]) -> str:
    threshold = metadata["threshold"]
    text = f"{threshold['offset']:,.4g} nats".replace("-", "−")
    if threshold["false_alarm_rate"] is None:
        return text
    basis = "" if threshold["tail"] == "empirical" else ", estimated"
    return f"{text} (false-alarm rate {100 * threshold['false_alarm_rate']:.3g} %{basis})"


def _sparkline(steps: NDArray[np.float64], values: NDArray[np.float64]) -> str:
    """The values as a small line, with the last of them beside it."""
    x = _scaled(steps, _WIDTH)
    y = _HEIGHT - _scaled(values, _HEIGHT)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    last = f"{values[-1]:,.4g} nats per row after {int(steps[-1]):,} steps".replace("-", "−")
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="ELBO over the steps of the fit" style="vertical-align: middle">'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.5"/>'
        f'<circle cx="{x[-1]:.1f}" cy="{y[-1]:.1f}" r="2.5" fill="currentColor"/></svg> {html.escape(last)}'
    )


def _scaled(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Values from one margin to the other; in the middle if they are all the same."""
    low, span = float(np.min(values)), float(np.ptp(values))
    share = (np.asarray(values, dtype=np.float64) - low) / span if span > 0 else np.full(len(values), 0.5)
    return np.asarray(_MARGIN + (size - 2 * _MARGIN) * share)
