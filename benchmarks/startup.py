"""How long commands take from their start to their end, and their peak memory, for a small file.

    python benchmarks/startup.py [--repeat 5]

The model is fitted on 284 rows of 30 numbers (scikit-learn's breast tumours), and 285 others are scored; that
of images is fitted on 100 digits enlarged to 64 x 64 pixels, and 100 others are scored. Each
time is that of a whole process, the best of several, taken in turns: first all programs once, then again. The
imports of numpy and torch, in processes of their own, are the scale.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

RULES = """
[[rule]]
name = "anomaly"
kind = "score"

[[sink]]
kind = "jsonl"
path = "alerts.jsonl"
"""

CLI = ["-m", "anomaly_vae_pipelines.cli"]
SERVE = """
import asyncio, json, sys
from anomaly_vae_pipelines.service.app import create_app
from anomaly_vae_pipelines.service.models.registry import Registry, load_served
from anomaly_vae_pipelines.service import server
from anomaly_vae_pipelines.service.settings import Settings
settings = Settings()
registry = Registry(settings)
registry.put(load_served("model", "1", sys.argv[1]))
create_app(registry, settings)
registry.close()
"""
PROGRAMS = {
    "python": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import torch": ["-c", "import torch"],
    "score": [*CLI, "score", "model.avae", "new.csv", "-o", "scored.csv", "--force"],
    "score --explain all": [
        *CLI, "score", "model.avae", "new.csv", "-o", "scored.csv", "--force", "--explain", "all",
    ],
    "evaluate": [*CLI, "evaluate", "model.avae", "new.csv", "--label", "label", "--normal", "benign"],
    "threshold": [*CLI, "threshold", "model.avae", "-o", "moved.avae", "--force", "--contamination", "0.1"],
    "inspect": [*CLI, "inspect", "model.avae", "--json"],
    "watch --once": [
        *CLI, "watch", "model.avae", "new.csv", "--alerts", "rules.toml", "--once", "--interval", "0.01",
        "--checkpoint", "{new}",
    ],
    "score of 100 images": [*CLI, "score", "images.avae", "new.npy", "-o", "scored.csv", "--force"],
    "serve, up to the first request": ["-c", SERVE, "model.avae"],
}  # fmt: skip
"""Arguments of Python by name; {new} is the name of a new file."""


def prepare(folder: Path) -> None:
    """Write the tables, the images, the rules, and the models."""
    import numpy as np
    from sklearn.datasets import load_breast_cancer, load_digits

    tumours = load_breast_cancer()
    names = [*tumours.feature_names, "label"]
    for name, rows in (("train", slice(0, 284)), ("new", slice(284, None))):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(names)
            for values, label in zip(tumours.data[rows], tumours.target[rows], strict=True):
                writer.writerow([*values, "benign" if label else "malignant"])
    (folder / "rules.toml").write_text(RULES)
    digits = np.kron(load_digits().images[:200] * 15.0, np.ones((8, 8))).astype(np.uint8)
    for name, images in (("train", digits[:100]), ("new", digits[100:])):
        np.save(folder / f"{name}.npy", images)
    for fit in (
        ["train.csv", "-o", "model.avae", "--ignore", "label"],
        ["train.npy", "-o", "images.avae"],
    ):
        subprocess.run([sys.executable, *CLI, "fit", *fit], cwd=folder, check=True, capture_output=True)


def measure(arguments: Sequence[str], folder: Path) -> tuple[float, float]:
    """Seconds and peak mebibytes of a process."""
    new = folder / f"{time.monotonic_ns()}"
    command = [sys.executable, *(str(new) if part == "{new}" else part for part in arguments)]
    with open(os.devnull, "wb") as nowhere:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=nowhere, stderr=nowhere)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command[1:4])} ended with exit code {process.returncode}")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    """Measure all programs in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=5, help="take the best of this many")
    parser.add_argument("--prepare", metavar="DIR", help="only write the files that are measured")
    options = parser.parse_args()
    if options.prepare:
        prepare(Path(options.prepare))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In its own process: the peak memory of a new process is at least that of the one that starts it.
        subprocess.run([sys.executable, __file__, "--prepare", name], check=True)
        rounds = [
            {title: measure(arguments, folder) for title, arguments in PROGRAMS.items()}
            for _ in range(options.repeat)
        ]
    best = {title: tuple(map(min, zip(*(one[title] for one in rounds), strict=True))) for title in PROGRAMS}
    scale = best["import numpy"][0]
    print(f"{'process':32} {'seconds':>8} {'import numpy = 1':>17} {'MiB':>6}")
    for title, (seconds, mebibytes) in best.items():
        print(f"{title:32} {seconds:8.2f} {seconds / scale:17.1f} {mebibytes:6.0f}")


if __name__ == "__main__":
    main()
