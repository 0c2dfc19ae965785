"""Error of the generalised Pareto tail: realised false-alarm rates below those that can be guaranteed.

    python benchmarks/tails.py

Every line is over many splits: the realised false-alarm rate divided by the requested rate, which is a tenth
or a hundredth of the lowest rate that the calibration rows can guarantee. For simulated scores the realised
rate follows from their distribution. For a detector it is counted: the detector is fitted on some rows of a
data set of scikit-learn, the others are scored once and split many times into calibration and test rows. The
photographs need pillow, a dependency of matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.datasets import load_digits, load_sample_images

from anomaly_vae import TabularVAEDetector
from anomaly_vae.tails import LowerTail

Floats = NDArray[np.float64]

LAWS = {
    "Gaussian": stats.norm(),
    "chi-square, 10 degrees": stats.chi2(10),
    "exponential": stats.expon(),
    "Student-t, 5 degrees": stats.t(5),
    "Student-t, 3 degrees": stats.t(3),
}
SPLITS = {100: 1000, 1000: 1000, 10_000: 300}
PARTS = (10.0, 100.0)


def main() -> None:
    asked = [f"{n_rows:,} rows, {rate:.0e}" for n_rows in SPLITS for rate in rates_of(n_rows)]
    print(f"| scores | {' | '.join(asked)} |\n|---|{'---|' * len(asked)}")
    for name, law in LAWS.items():
        report(name, {n_rows: simulated(law, n_rows, n_splits) for n_rows, n_splits in SPLITS.items()})
    for name, X in real_tables():
        scores = held_out_scores(X)
        report(name, {n_rows: counted(scores, n_rows, n_splits) for n_rows, n_splits in SPLITS.items()})


def rates_of(n_calibration: int) -> list[float]:
    return [1.0 / (n_calibration + 1.0) / part for part in PARTS]


def report(name: str, ratios: Mapping[int, Floats]) -> None:
    """Print mean, median and 90 % quantile of each column; empty for a rate that cannot be counted."""
    columns = [column for by_rate in ratios.values() for column in by_rate.T]
    cells = ["" if np.isnan(column).any() else _figures(column) for column in columns]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _figures(column: Floats) -> str:
    return f"{column.mean():.2f}, {np.median(column):.2f}, {np.quantile(column, 0.9):.1f}"


def simulated(law: stats.rv_continuous, n_calibration: int, n_splits: int) -> Floats:
    random = np.random.default_rng(0)
    return ratios_of(
        (np.sort(-law.rvs(size=n_calibration, random_state=random)), lambda offset: law.sf(-offset))
        for _ in range(n_splits)
    )


def counted(scores: Floats, n_calibration: int, n_splits: int) -> Floats:
    """Return ratios, NaN if fewer than 0.5 false alarms are expected among the test rows of a split."""
    n_fresh = len(scores) - n_calibration
    countable = np.array(rates_of(n_calibration)) * n_fresh >= 0.5
    if not countable.any():
        return np.full((1, len(PARTS)), np.nan)
    return np.where(countable, ratios_of(_splits(scores, n_calibration, n_splits)), np.nan)


def _splits(
    scores: Floats, n_calibration: int, n_splits: int
) -> Iterator[tuple[Floats, Callable[[float], float]]]:
    random = np.random.default_rng(0)
    for _ in range(n_splits):
        order = random.permutation(scores)
        fresh = order[n_calibration:]
        yield np.sort(order[:n_calibration]), lambda offset, fresh=fresh: float(np.mean(fresh < offset))


def ratios_of(splits: Iterator[tuple[Floats, Callable[[float], float]]]) -> Floats:
    """Realised over asked rate, shape (n_splits, len(PARTS))."""
    ratios = []
    for calibration, realised in splits:
        tail = LowerTail.fit(calibration)
        ratios.append([realised(tail.offset(tail.least / part)) / (tail.least / part) for part in PARTS])
    return np.array(ratios)


def real_tables() -> Iterator[tuple[str, Floats]]:
    """Normal rows: digits of all kinds, patches of 2 x 2 pixels of two photographs."""
    yield "of a detector, digits", load_digits().data
    yield (
        "of a detector, patches of photographs",
        np.concatenate([_patches(i) for i in load_sample_images().images]),
    )


def _patches(image: NDArray[np.uint8]) -> Floats:
    height, width = (size // 2 * 2 for size in image.shape[:2])
    blocks = image[:height, :width].reshape(height // 2, 2, width // 2, 2, 3).swapaxes(1, 2)
    return blocks.reshape(-1, 12).astype(np.float64)


def held_out_scores(X: Floats) -> Floats:
    """Scores of rows that a detector was not fitted on: at least half, all but 2,000 of a large table."""
    rows = np.random.default_rng(0).permutation(len(X))
    train, held_out = np.split(rows, [min(len(X) // 2, 2000)])
    return TabularVAEDetector(novelty=True, random_state=0).fit(X[train]).score_samples(X[held_out])


if __name__ == "__main__":
    main()
