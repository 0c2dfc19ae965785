"""A fit on a sample of a stream beside a fit on all rows in memory, on real tables with labels.

    python benchmarks/sampled.py TABLE.npz ... [--seeds 0,1,2]

A table is a file of ADBench: X, and y with 1 for anomalies. Half of the normal rows are fitted on, and the
other rows are scored. Measured is AUROC of: all rows, from memory; `fit_stream` with as many rows as it keeps
by default; and with a quarter, a tenth and a hundredth of the rows. A fit trains on at most 200,000 rows.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from anomaly_vae import TabularVAEDetector

SHARES = {"default": None, "1/4": 0.25, "1/10": 0.1, "1/100": 0.01}
BLOCK_ROWS = 10_000
LEAST_ROWS = 200


def batches(X: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """The rows of a table in blocks."""
    for start in range(0, len(X), BLOCK_ROWS):
        yield X[start : start + BLOCK_ROWS]


def aurocs_of(path: Path, seed: int) -> tuple[int, dict[str, float]]:
    """Number of rows to fit on, and AUROC by what was fitted on."""
    with np.load(path) as stored:
        X, anomalous = stored["X"].astype(np.float64), stored["y"].ravel() == 1
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(~anomalous))
    train = X[normal[: len(normal) // 2]]
    rest = np.concatenate([normal[len(normal) // 2 :], np.flatnonzero(anomalous)])
    found = {}
    for name, share in {"all": 1.0, **SHARES}.items():
        detector = TabularVAEDetector(novelty=True, random_state=seed)
        if name == "all":
            detector.fit(train)
        elif share is None:
            detector.fit_stream(batches(train))
        elif share * len(train) >= LEAST_ROWS:
            detector.fit_stream(batches(train), n_rows=int(share * len(train)))
        else:
            continue
        found[name] = float(roc_auc_score(anomalous[rest], -detector.score_samples(X[rest])))
    return len(train), found


def show_sampled(paths: Sequence[Path], seeds: Sequence[int]) -> None:
    """Print the mean AUROC over seeds of each table, and the differences from all rows."""
    names = ["all", *SHARES]
    print(f"  {'table':<16}{'rows':>9}" + "".join(f"{name:>10}" for name in names), flush=True)
    differences: dict[str, list[float]] = {name: [] for name in names}
    for path in paths:
        if not path.exists():
            print(f"  {path.stem}: skipped, {path} is not there")
            continue
        runs = [aurocs_of(path, seed) for seed in seeds]
        means = {name: np.mean([run[1][name] for run in runs]) for name in names if name in runs[0][1]}
        cells = [f"{means[name]:.4f}" if name in means else "" for name in names]
        print(f"  {path.stem:<16}{runs[0][0]:>9,}" + "".join(f"{cell:>10}" for cell in cells), flush=True)
        for name, mean in means.items():
            differences[name].append(float(mean - means["all"]))
    for name, found in differences.items():
        if name != "all" and found:
            print(
                f"  {name} less all: mean {np.mean(found):+.4f}, from {min(found):+.4f} to {max(found):+.4f}"
            )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--seeds", default="0,1,2")
    options = parser.parse_args()
    show_sampled(options.tables, [int(seed) for seed in options.seeds.split(",")])


if __name__ == "__main__":
    main()
