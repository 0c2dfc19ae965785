"""Time and memory of `report` and of `score --report` beside `score`, on the same CSV file, in turns.

    python benchmarks/report.py [--rows 1000000] [--runs 3]

Whole processes are timed. The time is the shortest of the runs, the peak memory the largest. The time of the
processors says more where other programs run. The rows are those of ``batch.py``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from batch import N_COLUMNS, TRAIN_ROWS, generate

CLI = [sys.executable, "-m", "anomaly_vae_pipelines.cli"]
MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


def measured(command: list[str]) -> tuple[float, float, float]:
    """Run a command; returns its seconds, those of the processors, and its peak memory (MB)."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command], check=True, capture_output=True, text=True
    )
    seconds = time.perf_counter() - started
    processor, peak = done.stdout.split()
    return seconds, float(processor), int(peak) / 1024


def main() -> None:
    """Print seconds and peak memory of the commands, and their ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        train, rows, model = (str(Path(name, file)) for file in ("train.csv", "rows.csv", "model.avae"))
        generate(Path(train), TRAIN_ROWS)
        generate(Path(rows), options.rows)
        subprocess.run([*CLI, "fit", train, "-o", model], check=True, stdout=subprocess.DEVNULL)
        page = str(Path(name, "report.html"))
        score = [*CLI, "score", model, rows, "-o", str(Path(name, "scored.csv")), "--force", "--quiet"]
        commands = {
            "score": score,
            "score --report": [*score, "--report", page],
            "report": [*CLI, "report", model, rows, "-o", page, "--force"],
        }
        found: dict[str, list[tuple[float, float, float]]] = {part: [] for part in commands}
        for _ in range(options.runs):
            for part, command in commands.items():
                found[part].append(measured(command))
        size = Path(page).stat().st_size
    print(f"{options.rows:,} rows x {N_COLUMNS}, best of {options.runs}")
    best = {part: [min(numbers) for numbers in zip(*runs, strict=True)] for part, runs in found.items()}
    of_score = best["score"]
    for part, (seconds, processor, _) in best.items():
        peak = max(peak for _, _, peak in found[part])
        print(
            f"  {part:<14} {seconds:6.1f} s  {seconds / of_score[0]:5.2f} x  processors {processor:6.1f} s  "
            f"{processor / of_score[1]:5.2f} x  peak {peak:5.0f} MB"
        )
    print(f"  the page has {size:,} bytes")


if __name__ == "__main__":
    main()
