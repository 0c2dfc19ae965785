"""Drift: false alarms on still streams, the rows that it takes to find a column that moved, and partial_fit.

python benchmarks/drift.py                      # streams of random numbers, and a table of 30 columns
python benchmarks/drift.py FOLDER...            # and real tables, as benchmarks/detection.py reads them
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from _tables import find_tables, load_halves
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from anomaly_vae import TabularVAEDetector
from anomaly_vae.drift.bets import bets_on_ranks, bets_on_shares, ranks_of
from anomaly_vae.drift.coding import MISSING, N_CODES, Quantiles
from anomaly_vae.drift.martingale import Martingale
from anomaly_vae.drift.reference import Reference, Rows
from anomaly_vae.drift.watch import Watch

Floats = NDArray[np.float64]

RATE = 0.01
LENGTH = 20_000
CALIBRATIONS = (50, 200, 1_000, 5_000)


def draw(kind: str, n_rows: int, random: np.random.Generator) -> Floats:
    """Independent numbers: without ties, with many ties, with a tail, or an event in one of 50 rows."""
    if kind == "normal":
        return random.normal(size=n_rows)
    if kind == "counts":
        return random.poisson(1.0, n_rows).astype(np.float64)
    if kind == "zeros and a tail":
        return np.where(random.random(n_rows) < 0.7, 0.0, random.lognormal(0.0, 2.0, n_rows))
    return (random.random(n_rows) < 0.02).astype(np.float64)


def stream(kind: str, n_calibration: int, random: np.random.Generator) -> tuple[Floats, NDArray[np.uint8]]:
    """Bets against a new calibration sample, and the codes of a still stream."""
    before, after = draw(kind, n_calibration, random), draw(kind, LENGTH, random)
    factors = np.ones((N_CODES, 10))
    if kind == "events":
        counts = np.array([before.sum()]), np.array([float(n_calibration)])
        factors[:2] = bets_on_shares(*counts, RATE / 2)[0]
        return factors, after.astype(np.uint8)
    quantiles = Quantiles(before, 0.0)
    factors[:MISSING] = bets_on_ranks(ranks_of(quantiles(before), MISSING), RATE / 2)
    return factors, quantiles(after)


def still_streams(n_streams: int) -> None:
    """Streams with an alarm within 20,000 rows, each against its own calibration sample."""
    print(f"still streams of {LENGTH:,} rows with an alarm, at rate {RATE}")
    print(f"{'numbers':18} {'calibration':>11} {'alarms':>12} {'share':>7}  90 % interval")
    for kind in ("normal", "counts", "zeros and a tail", "events"):
        for n_calibration in CALIBRATIONS:
            random = np.random.default_rng(n_calibration)
            n_alarms = 0
            for _ in range(n_streams // 100):
                pairs = [stream(kind, n_calibration, random) for _ in range(100)]
                martingale = Martingale(np.array([factors for factors, _ in pairs]), 2 / RATE)
                martingale.update(np.stack([codes for _, codes in pairs], axis=1))
                n_alarms += int((martingale.alarms > 0).sum())
            low, high = interval(n_alarms, n_streams)
            share = n_alarms / n_streams
            print(
                f"{kind:18} {n_calibration:11,} {n_alarms:4} / {n_streams:5} {share:7.4f}  "
                f"{low:.4f} to {high:.4f}",
                flush=True,
            )


def interval(count: int, n: int) -> tuple[float, float]:
    """The exact 90 % interval of a binomial share (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    low = 0.0 if count == 0 else float(beta.ppf(0.05, count, n - count + 1))
    return low, float(beta.ppf(0.95, count + 1, n - count))


def moved_column(n_tables: int, n_calibration: int) -> None:
    """Rows needed to find one column of 30 that moved by one standard deviation, up and down."""
    print(f"\none column of 30 moved by one sd, {n_calibration:,} calibration rows or more, rate {RATE}")
    random = np.random.default_rng(0)
    mixing = random.normal(size=(5, 30)) * 0.5

    def table(n_rows: int) -> Floats:
        return random.normal(size=(n_rows, 5)) @ mixing + random.normal(size=(n_rows, 30))

    detector = fitted(table(4 * n_calibration))
    report(detector, lambda: table(1_000), table(2_000).std(axis=0), range(n_tables), "dependent numbers")


def real_tables(folders: list[Path], n_columns: int) -> None:
    """The same for normal rows of real tables: half calibrate, of the other half still rows come first."""
    print(f"\nreal tables, {n_columns} of their columns moved by one sd, after 500 still rows; rate {RATE}")
    n_false = n_found = n_named = n_tried = n_still = 0
    for path in find_tables(folders):
        first, is_first, second, is_second = load_halves(path, 10_000, 0)
        train, fresh = np.asarray(first)[is_first == 0], np.asarray(second)[is_second == 0]
        if len(train) < 1_000 or len(fresh) < 1_000 or train.dtype == object:
            continue
        random = np.random.RandomState(0)
        fresh = fresh[random.permutation(len(fresh))]
        detector, started = fitted(train[random.permutation(len(train))]), time.perf_counter()
        varying = [j for j in range(train.shape[1]) if len(np.unique(train[:, j])) > 20]
        columns = random.permutation(varying)[:n_columns]
        still = watched(detector, detector.drift_reference(), fresh)
        n_still += 1
        n_false += still is not None
        delays = []
        for column in columns:
            moved = fresh.copy()
            moved[500:, column] += train[:, column].std()
            found = watched(detector, detector.drift_reference(), moved)
            n_tried += 1
            if found is not None and found[0] > 500:
                delays.append(found[0] - 500)
                n_found += found[0] - 500 <= 500
                n_named += column in found[1]
        middle = np.median(delays) if delays else np.nan
        seconds = time.perf_counter() - started
        print(
            f"{path.stem:20} {train.shape[1]:4} columns  still: {'ALARM' if still else 'none '}  "
            f"found {len(delays)} of {len(columns)}, median after {middle:.0f} rows  ({seconds:.1f} s)",
            flush=True,
        )
    print(
        f"{n_false} of {n_still} still tables with an alarm; of {n_tried} moved columns {n_found} found "
        f"within 500 rows, {n_named} named"
    )


def rolling_fits(n_blocks: int = 10, block: int = 2_000) -> None:
    """A stream that moves after a third of its rows: a fixed model, and one that ``partial_fit`` follows."""
    print(f"\na stream of 30 columns, all moved by one sd after {(n_blocks // 3 + 1) * block:,} rows")
    random = np.random.default_rng(0)
    mixing = random.normal(size=(5, 30)) * 0.5

    def table(shift: float) -> Floats:
        return random.normal(size=(block, 5)) @ mixing + 0.5 * random.normal(size=(block, 30)) + shift

    fixed = TabularVAEDetector(novelty=True, random_state=0).fit(table(0.0))
    rolling = TabularVAEDetector(novelty=True, random_state=0).partial_fit(table(0.0))
    print(f"{'rows':>7} {'flagged':>9} {'rolling':>9} {'AUROC':>9} {'rolling':>9} {'ms per row':>11}")
    for position in range(n_blocks):
        shift = float(position >= n_blocks // 3)
        started = time.perf_counter()
        rolling.partial_fit(table(shift))
        cost = (time.perf_counter() - started) / block * 1_000
        normal, odd = table(shift), table(shift)
        odd[np.arange(block), random.integers(30, size=block)] += random.choice([-3.0, 3.0], block)
        y = np.r_[np.zeros(block), np.ones(block)]
        flagged, areas = [], []
        for detector in (fixed, rolling):
            flagged.append(float((detector.predict(normal) == -1).mean()))
            areas.append(roc_auc_score(y, -detector.score_samples(np.r_[normal, odd])))
        print(
            f"{(position + 2) * block:7,} {flagged[0]:9.4f} {flagged[1]:9.4f} {areas[0]:9.3f} "
            f"{areas[1]:9.3f} {cost:11.2f}",
            flush=True,
        )


def fitted(X: Floats) -> TabularVAEDetector:
    """A detector that is fitted quickly: drift does not depend on how good it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return TabularVAEDetector(novelty=True, max_steps=100, random_state=0).fit(X)


def watched(detector: TabularVAEDetector, reference: Reference, X: Floats) -> tuple[int, list[int]] | None:
    """The row of the first alarm, and the columns that it names; None without an alarm."""
    rows: Rows = detector.drift_rows(X, reference)
    watch = Watch(reference, RATE)
    n_rows = watch.update(rows.codes, stop=True)
    return (n_rows, list(watch.found())) if watch.found() else None


def report(detector: TabularVAEDetector, table, spread: Floats, columns: range, what: str) -> None:
    """Print the rows needed for each direction, and how often the column was named first."""
    reference = detector.drift_reference()
    for sign in (1.0, -1.0):
        delays, named, false = [], 0, 0
        for column in columns:
            X = table()
            still = watched(detector, reference, X)
            false += still is not None
            X[:, column % 30] += sign * spread[column % 30]
            found = watched(detector, reference, X)
            delays.append(found[0] if found else 10_000)
            named += found is not None and found[1][0] == column % 30
        low, middle, high = np.quantile(delays, [0.1, 0.5, 1.0])
        print(
            f"{what}, {sign:+.0f} sd: median {middle:.0f} rows (10 % {low:.0f}, all {high:.0f}); named first "
            f"{named} of {len(columns)}; still streams with an alarm {false} of {len(columns)}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--streams", type=int, default=1_000, help="still streams of each kind")
    parser.add_argument("--columns", type=int, default=5, help="columns that move in each real table")
    options = parser.parse_args()
    rolling_fits()
    moved_column(30, 1_000)
    if options.folders:
        real_tables(options.folders, options.columns)
    still_streams(options.streams)


if __name__ == "__main__":
    main()
