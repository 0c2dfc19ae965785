"""Share of clean rows that the default fence flags, for detectors fitted without ``novelty`` on clean tables.

    python benchmarks/fence.py adbench/classical/*.npz

Each path is an .npz file with ``X`` (numbers) and ``y`` (0 for normal rows), as in ADBench. A
detector with default settings is fitted on half of the normal rows (at most 2,000); at most 2,000 rows of the
other half are scored. Each table is a line with the share of these rows below the fence, for each seed. A
missing file, or one with too few normal rows, is skipped with the reason.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anomaly_vae import TabularVAEDetector

Floats = NDArray[np.float64]

MOST_ROWS = 2000
LEAST_ROWS = 50


def main() -> None:
    arguments = _arguments()
    if not arguments.paths:
        print("fence: skipped: give .npz files of tables, such as those of ADBench")
        return
    seeds, shares = range(arguments.seeds), []
    print(f"| table | rows | columns | {' | '.join(f'seed {seed}' for seed in seeds)} |")
    print(f"|---|---|---|{'---|' * len(seeds)}")
    for path in map(Path, arguments.paths):
        normal = normal_rows(path)
        if isinstance(normal, str):
            print(f"| {path.stem}: skipped, {normal} |", flush=True)
            continue
        of_table = [flagged_share(*halves(normal, seed), seed) for seed in seeds]
        shares += of_table
        size = f"{min(len(normal) // 2, MOST_ROWS):,} | {normal.shape[1]}"
        print(f"| {path.stem} | {size} | {' | '.join(map(_percent, of_table))} |", flush=True)
    if shares:
        low, middle, high = map(_percent, (min(shares), float(np.median(shares)), max(shares)))
        print(
            f"\n{len(shares)} fits: mean {_percent(float(np.mean(shares)))}, median {middle}, {low} to {high}"
        )


def normal_rows(path: Path) -> Floats | str:
    """The normal rows of a file, or why there are none to use."""
    try:
        with np.load(path, allow_pickle=False) as file:
            normal = file["X"][np.ravel(file["y"]) == 0].astype(np.float64)
    except (OSError, KeyError, ValueError) as error:
        return f"because it cannot be read ({type(error).__name__})"
    if len(normal) < 2 * LEAST_ROWS:
        return f"because it has {len(normal)} normal rows, fewer than {2 * LEAST_ROWS}"
    return np.asarray(normal)


def halves(normal: Floats, seed: int) -> tuple[Floats, Floats]:
    """Rows to fit on, and rows to score."""
    rows = np.random.default_rng(seed).permutation(len(normal))
    train, unseen = np.split(rows, [len(rows) // 2])
    return normal[train[:MOST_ROWS]], normal[unseen[:MOST_ROWS]]


def flagged_share(train: Floats, unseen: Floats, seed: int) -> float:
    detector = TabularVAEDetector(random_state=seed).fit(train)
    return float((detector.predict(unseen) == -1).mean())


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", metavar="PATH")
    parser.add_argument("--seeds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
