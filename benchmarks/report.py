"""Time and memory of `report` beside `score`, on the same CSV file, in turns.

    python benchmarks/report.py [--rows 1000000] [--runs 3]

Whole processes are timed. The time is the shortest of the runs, the peak memory the largest. The rows are
those of ``batch.py``.
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
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def measured(command: list[str]) -> tuple[float, float]:
    """Run a command; returns its seconds and its peak memory (MB)."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command], check=True, capture_output=True, text=True
    )
    return time.perf_counter() - started, int(done.stdout) / 1024


def main() -> None:
    """Print seconds and peak memory of both commands, and their ratio."""
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
        commands = {
            "score": [*CLI, "score", model, rows, "-o", str(Path(name, "scored.csv")), "--force", "--quiet"],
            "report": [*CLI, "report", model, rows, "-o", str(Path(name, "report.html")), "--force"],
        }
        found: dict[str, list[tuple[float, float]]] = {part: [] for part in commands}
        for _ in range(options.runs):
            for part, command in commands.items():
                found[part].append(measured(command))
        size = Path(name, "report.html").stat().st_size
    print(f"{options.rows:,} rows x {N_COLUMNS}, shortest time and largest peak of {options.runs} runs")
    best = {part: min(results) for part, results in found.items()}
    for part, (seconds, _) in best.items():
        peak = max(peak for _, peak in found[part])
        print(f"  {part:<8} {seconds:6.1f} s  {seconds / best['score'][0]:5.2f} x  peak {peak:5.0f} MB")
    print(f"  the page has {size:,} bytes")


if __name__ == "__main__":
    main()
