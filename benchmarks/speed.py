"""Seconds to fit and rows scored per second, compared with isolation forest, kNN and PyOD's VAE.

    python benchmarks/speed.py [--no-pyod] [--repeats 3]

Tables are generated: 30 numbers, 8 factors. Machines differ and are shared, so only ratios are comparable,
and the fastest of several runs counts. Each fit runs in its own process, whose peak memory is measured.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

N_COLUMNS, N_FACTORS = 30, 8
SMALL, LARGE, SCORED = 10_000, 1_000_000, 200_000


def table(n_rows: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Generate rows of ``N_COLUMNS`` numbers from ``N_FACTORS`` latent factors and noise."""
    random = np.random.default_rng(seed)
    loadings = np.random.default_rng(1).normal(size=(N_FACTORS, N_COLUMNS))
    rows = np.empty((n_rows, N_COLUMNS))
    for block in np.array_split(rows, max(n_rows // SMALL, 1)):  # in place: no copy raises the peak memory
        block[:] = random.normal(size=(len(block), N_FACTORS)) @ loadings
        block += 0.3 * random.normal(size=block.shape)
    return rows


# ------------------------------------------------------------------------------------------- detectors
def detector(name: str) -> Any:
    """An unfitted detector with ``fit`` and one method that scores."""
    if name.startswith("anomaly-vae"):
        from anomaly_vae import TabularVAEDetector

        return TabularVAEDetector(novelty="novelty" in name, random_state=0)
    if name == "isolation forest":
        from sklearn.ensemble import IsolationForest

        return IsolationForest(random_state=0)
    if name == "kNN, mean of 5":
        from sklearn.neighbors import NearestNeighbors

        return NearestNeighbors(n_neighbors=5)
    from pyod.models.vae import VAE

    return VAE(verbose=0, random_state=0)


def scorer(fitted: Any) -> Callable[[Any], Any]:
    """Return the method of a detector that gives one score per row."""
    names = ("score_samples", "decision_function", "kneighbors")
    scores: Callable[[Any], Any] = next(getattr(fitted, name) for name in names if hasattr(fitted, name))
    return scores


# ------------------------------------------------------------------------------------------ measurement
def time_fit(name: str, n_rows: int) -> tuple[float, float]:
    """Return the seconds of a fit and its peak memory in multiples of the size of the table."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_time_fit, (name, n_rows))


def _time_fit(name: str, n_rows: int) -> tuple[float, float]:
    unfitted, rows = detector(name), table(n_rows)
    detector(name).fit(rows[:200])  # imports and first calls are not timed
    before = _peak_bytes()
    started = time.perf_counter()
    unfitted.fit(rows)
    seconds = time.perf_counter() - started
    return seconds, (_peak_bytes() - before + rows.nbytes) / rows.nbytes


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def rows_per_second(scores: Callable[[Any], Any], rows: Any) -> float:
    """Return the rows scored per second."""
    started = time.perf_counter()
    scores(rows)
    return len(rows) / (time.perf_counter() - started)


def milliseconds_a_row(scores: Callable[[Any], Any], rows: Any) -> float:
    """Median time of a call with one row."""
    times = []
    for i in range(200):
        started = time.perf_counter()
        scores(rows[i : i + 1])
        times.append(time.perf_counter() - started)
    return 1e3 * statistics.median(times)


def main() -> None:
    """Print a row per detector."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-pyod", action="store_true")
    options = parser.parse_args()
    names = ["anomaly-vae, novelty", "anomaly-vae, outlier", "isolation forest", "kNN, mean of 5"]
    if importlib.util.find_spec("pyod") and not options.no_pyod:
        names.append("PyOD VAE")
    train, new = table(SMALL), table(SCORED, seed=2)
    print(
        f"{'':22} {f'fit {SMALL:,}':>12} {f'fit {LARGE:,}':>15} {'memory':>8} {'rows/s':>10} {'one row':>9}"
    )
    fits: dict[str, list[float]] = {name: [] for name in names}
    scores = {name: scorer(detector(name).fit(train)) for name in names}
    rates: dict[str, list[float]] = {name: [] for name in names}
    for repeat in range(options.repeats):  # alternately, so that load of the machine affects all
        for name in names:
            if name != "PyOD VAE" or not repeat:
                fits[name].append(time_fit(name, SMALL)[0])
            rates[name].append(rows_per_second(scores[name], new if "kNN" not in name else new[:20_000]))
    for name in names:
        large, memory = "", ""
        if name.startswith("anomaly-vae"):
            seconds, share = time_fit(name, LARGE)
            large, memory = f"{seconds:.1f} s", f"{share:.2f} x"
        one = milliseconds_a_row(scores[name], new)
        fit = f"{min(fits[name]):.2f} s"
        print(
            f"{name:22} {fit:>12} {large:>15} {memory:>8} {max(rates[name]):>10,.0f} {one:>6.2f} ms",
            flush=True,
        )
    print(f"rows/s: of {SCORED:,} rows in memory (kNN: of 20,000); memory: peak of the large fit, in tables")
    sample = new[:500]
    for name in names[:2]:
        alone = np.concatenate([scores[name](sample[i : i + 1]) for i in range(len(sample))])
        is_same = bool((alone == scores[name](sample)).all())
        print(f"{name}: scores of single rows are bit for bit the same: {is_same}")


if __name__ == "__main__":
    main()
