"""Online false-discovery control: what LORD++ and SAFFRON find at a rate of 0.1.

    python benchmarks/discoveries.py [FOLDER...]

First in simulated streams of independent p-values, in which anomalies are four standard deviations from the
normal rows, then in tables of ADBench. There a detector is fitted on half of the normal rows; the other half
and all anomalies, or as many as there are to be, are scored in random order, with ``tail = "gpd"``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from _tables import find_tables, load_task
from numpy.typing import NDArray
from scipy.stats import norm

from anomaly_vae import TabularVAEDetector
from anomaly_vae_pipelines.alerting.rules.levels import METHODS, Levels

RATE = 0.1
SHARES = (0.001, 0.01, 0.05, 0.1, 0.3)
N_STREAMS, N_ROWS = 6, 10_000
RARE = 0.01

Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--cap", type=int, default=16_000, help="most rows of a table (default: 16000)")
    given = parser.parse_args()
    print("| rows | anomalies | method | found | discoveries that are normal |\n|---|---|---|---|---|")
    for share in SHARES:
        report(f"{N_ROWS:,} simulated", share, [simulated(share, seed) for seed in range(N_STREAMS)])
    for path in find_tables(given.folders):
        p_values, odd = scored(path, given.cap)
        for rare in (False, True):
            streams = [shuffled(p_values, odd, seed, rare) for seed in range(N_STREAMS)]
            report(f"{len(streams[0][0]):,} of {path.stem}", float(streams[0][1].mean()), streams)


def report(name: str, share: float, streams: list[tuple[Floats, NDArray[np.bool_]]]) -> None:
    """Print the means over the streams of the share of anomalies found, and of false discoveries."""
    for method in METHODS.values():
        power, false = [], []
        for p_values, odd in streams:
            found = Levels(method, RATE).decide(p_values.tolist())
            power.append((found & odd).sum() / max(odd.sum(), 1))
            false.append((found & ~odd).sum() / max(found.sum(), 1))
        print(
            f"| {name} | {share:.1%} | {method.title} | {np.mean(power):.1%} | {np.mean(false):.1%} |",
            flush=True,
        )


def simulated(share: float, seed: int) -> tuple[Floats, NDArray[np.bool_]]:
    random = np.random.default_rng(seed)
    odd = random.random(N_ROWS) < share
    return norm.sf(random.normal(size=N_ROWS) + 4.0 * odd), odd


def scored(path: Path, cap: int) -> tuple[Floats, NDArray[np.bool_]]:
    task = load_task(path, "novelty", cap, 0)
    detector = TabularVAEDetector(random_state=0).fit(task.train)
    return detector.p_values(task.test, tail="gpd"), task.anomalous == 1


def shuffled(
    p_values: Floats, odd: NDArray[np.bool_], seed: int, rare: bool
) -> tuple[Floats, NDArray[np.bool_]]:
    """The rows in random order, with all anomalies or one in a hundred."""
    random = np.random.default_rng(seed)
    rows = random.permutation(len(odd))
    if rare:
        normal, anomalous = rows[~odd[rows]], rows[odd[rows]]
        rows = random.permutation(np.append(normal, anomalous[: int(RARE * len(normal))]))
    return p_values[rows], odd[rows]


if __name__ == "__main__":
    main()
