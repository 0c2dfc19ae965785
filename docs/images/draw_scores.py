"""Draw ``docs/images/scores.svg``, the picture of the tutorial, from a demo that has just been run.

anomaly-vae demo --out demo
python docs/images/draw_scores.py demo
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from anomaly_vae import read_metadata

PICTURE = Path(__file__).with_name("scores.svg")
_COLOURS = {"benign": "#4878a8", "malignant": "#d1603d"}


def draw(directory: Path) -> Figure:
    """Scores of the demo's test rows with the threshold, and the reasons of the worst row."""
    scored = pd.read_csv(directory / "scored.csv")
    threshold = read_metadata(directory / "model.avae")["threshold"]
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    _draw_scores(left, scored, threshold)
    _draw_reasons(right, scored.loc[scored["score"].idxmin()])
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_scores(axes: Axes, scored: pd.DataFrame, threshold: dict[str, float]) -> None:
    surprise = {kind: -scored.loc[scored["diagnosis"] == kind, "score"] for kind in _COLOURS}
    edges = np.linspace(*_scale(pd.concat(surprise.values()).agg(["min", "max"]).to_numpy()), 36)
    for kind, nats in surprise.items():
        axes.hist(
            _scale(nats), bins=edges, alpha=0.75, color=_COLOURS[kind], label=f"{kind} ({len(nats)} rows)"
        )
    rate = threshold["false_alarm_rate"]
    axes.axvline(
        _scale(-threshold["offset"]),
        color="black",
        linestyle="--",
        label=f"threshold ({rate:.1%} false alarms)",
    )
    ticks = np.array([10, 30, 100, 300, 1000, 3000])
    axes.set_xticks(_scale(ticks), [f"-{tick}" for tick in ticks])
    axes.invert_xaxis()
    axes.set(
        xlabel="score: ELBO in nats (logarithmic), higher is more normal",
        ylabel="rows",
        title="new tumours, by a model of benign ones",
    )
    axes.margins(y=0.4)  # room for the legend
    axes.legend(fontsize=8, loc="upper right", edgecolor="none")


def _scale(nats: pd.Series | np.ndarray | float) -> np.ndarray:
    return np.asarray(np.log10(np.maximum(nats, 1.0)))


def _draw_reasons(axes: Axes, row: pd.Series) -> None:
    reasons = [reason.rsplit(":", 1) for reason in str(row["top_columns"]).split(";")][::-1]
    nats = [-float(text.split()[0]) for _, text in reasons]
    bars = axes.barh([name for name, _ in reasons], nats, color=_COLOURS["malignant"])
    axes.bar_label(bars, fmt="%.0f", padding=3)
    axes.set(
        xlabel="nats below a typical row",
        title=f"why row {row['patient']:03d} stands out",
    )
    axes.margins(x=0.2)


if __name__ == "__main__":
    with mpl.rc_context({"svg.hashsalt": "anomaly-vae", "font.size": 9, "svg.fonttype": "none"}):
        draw(Path(sys.argv[1])).savefig(PICTURE, metadata={"Date": None})
