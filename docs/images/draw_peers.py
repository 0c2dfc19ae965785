"""Draw ``docs/images/peers.svg``, the picture of the README: the detector beside its peers on real data.

    python docs/images/draw_peers.py --measure      # measure, and write contaminated.csv (three minutes)
    python docs/images/draw_peers.py                # draw only

Left: the means over 22 tables of ADBench, read from ``benchmarks/README.md``. Right: the tumours that
scikit-learn ships (357 benign, 212 malignant, 30 numbers each). A detector learns from 70 % of the benign
rows and some malignant ones without seeing a label, and ranks all other rows. Every detector has its
defaults; ``TabularVAEDetector`` does not receive the share of malignant rows.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from anomaly_vae import TabularVAEDetector

PICTURE = Path(__file__).with_name("peers.svg")
MEASURED = Path(__file__).with_name("contaminated.csv")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks" / "README.md"
SHARES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25)
N_SEEDS = 10

Rows = NDArray[np.float64]
Detector = Callable[[Rows, Rows, int], Rows]


def anomaly_vae(train: Rows, test: Rows, seed: int) -> Rows:
    """Scores of the detector with its defaults."""
    return TabularVAEDetector(random_state=seed).fit(train).score_samples(test)


def isolation_forest(train: Rows, test: Rows, seed: int) -> Rows:
    """Scores of scikit-learn's isolation forest with its defaults."""
    scores: Rows = IsolationForest(random_state=seed).fit(train).score_samples(test)
    return scores


def nearest_neighbours(train: Rows, test: Rows, seed: int) -> Rows:
    """Minus the mean distance to the five nearest training rows, of standardised columns."""
    scaler = StandardScaler().fit(train)
    neighbours = NearestNeighbors(n_neighbors=5).fit(scaler.transform(train))
    return -neighbours.kneighbors(scaler.transform(test))[0].mean(axis=1)


DETECTORS: dict[str, Detector] = {
    "anomaly-vae": anomaly_vae,
    "isolation forest": isolation_forest,
    "kNN": nearest_neighbours,
}
_COLOURS = {"anomaly-vae": "#d1603d", "isolation forest": "#4878a8", "kNN": "#7a7a7a"}


def task(share: float, seed: int) -> tuple[Rows, Rows, NDArray[np.bool_]]:
    """Training rows of which ``share`` is malignant, test rows, and which of those are malignant."""
    tumours = load_breast_cancer()
    random = np.random.default_rng(seed)
    benign = random.permutation(tumours.data[tumours.target == 1])
    malignant = random.permutation(tumours.data[tumours.target == 0])
    n_benign = 7 * len(benign) // 10
    n_malignant = round(n_benign * share / (1 - share))
    train = np.concatenate([benign[:n_benign], malignant[:n_malignant]])
    test = np.concatenate([benign[n_benign:], malignant[n_malignant:]])
    return train, test, np.arange(len(test)) >= len(benign) - n_benign


def measure(share: float, seed: int) -> Iterator[tuple[str, float, float]]:
    """Name, AUROC and average precision of each detector."""
    train, test, is_malignant = task(share, seed)
    for name, detector in DETECTORS.items():
        scores = detector(train, test, seed)
        yield name, roc_auc_score(is_malignant, -scores), average_precision_score(is_malignant, -scores)


def measure_all() -> pd.DataFrame:
    """One line for each share, detector and seed."""
    lines = [
        (share, name, seed, round(auroc, 4), round(precision, 4))
        for share in SHARES
        for seed in range(N_SEEDS)
        for name, auroc, precision in measure(share, seed)
    ]
    return pd.DataFrame(lines, columns=["share", "detector", "seed", "auroc", "average_precision"])


def benchmark_means() -> dict[str, dict[str, float]]:
    """Mean AUROC by detector, for clean and for contaminated training rows."""
    page = BENCHMARKS.read_text(encoding="utf-8")
    found: dict[str, dict[str, float]] = {name: {} for name in DETECTORS}
    for training in ("clean rows", "contaminated"):
        part = page.split(f"| {training} | classical |")[1].split("| MVTec |")[0]
        for name in DETECTORS:
            (auroc,) = re.findall(rf"{name}(?:, mean of 5)? \| \**(\.\d+)", part)
            found[name][training] = float(auroc)
    return found


def draw(measured: pd.DataFrame) -> Figure:
    """AUROC of the detectors: means over tables, and by the share of malignant training rows."""
    figure = Figure(figsize=(9, 3.3), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[2, 3])
    _draw_means(left)
    for name, values in measured.groupby("detector"):
        _draw_detector(right, str(name), values.pivot_table(index="share", columns="seed", values="auroc"))
    right.set_xlabel("malignant rows among the training rows, unlabelled")
    right.set_title("tumours: learn from unlabelled rows")
    right.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1, decimals=0))
    for axes in (left, right):
        axes.set_ylabel("AUROC")
        axes.grid(axis="y", color="#e5e5e5")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    right.legend(loc="lower left", edgecolor="none")
    return figure


def _draw_means(axes: Axes) -> None:
    means = benchmark_means()
    for name, by_training in means.items():
        heights = list(by_training.values())
        axes.plot(range(len(heights)), heights, "o", markersize=9, color=_COLOURS[name])
        for i, auroc in enumerate(heights):
            above = 5 if name == "anomaly-vae" else -5  # the two best of clean rows would overlap
            axes.annotate(f"{auroc:.3f}"[1:], (i, auroc), (9, above), textcoords="offset points", va="center")
    axes.set_xticks(range(2), ["clean\ntraining rows", "contaminated\ntraining rows"])
    axes.set(xlim=(-0.4, 1.6), title="mean of 22 tables")
    axes.locator_params(axis="y", nbins=6)


def _draw_detector(axes: Axes, name: str, values: pd.DataFrame) -> None:
    """A line of means, and a band of one standard error to both sides."""
    mean, error = values.mean(axis=1), values.std(axis=1) / np.sqrt(values.shape[1])
    axes.plot(mean.index, mean, color=_COLOURS[name], marker="o", markersize=5, label=name)
    axes.fill_between(mean.index, mean - error, mean + error, color=_COLOURS[name], alpha=0.18, linewidth=0)


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure_all().to_csv(MEASURED, index=False)
    with mpl.rc_context({"svg.hashsalt": "anomaly-vae", "font.size": 10, "svg.fonttype": "none"}):
        draw(pd.read_csv(MEASURED)).savefig(PICTURE, metadata={"Date": None})
