"""Scoring a CSV file, compared with a copy by pyarrow, and with pandas and an isolation forest.

    python benchmarks/batch.py [--rows 1000000] [--memory-rows 500000 5000000] [--repeat 3]

Each part runs in its own process, which reports its seconds (without imports), its processor seconds, which
depend less on what else the machine does, and its peak memory; the ratio to the copy is also shown for whole
processes. The table of 30 columns is generated in a temporary directory.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

N_COLUMNS = 30
TRAIN_ROWS = 10_000
NAMES = [f"x{j}" for j in range(N_COLUMNS)]


def generate(path: Path, n_rows: int) -> None:
    """Write a CSV file of correlated numbers with six decimals."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv as pacsv

    random = np.random.default_rng(0)
    mixing = random.normal(size=(8, N_COLUMNS))
    schema = pa.schema([(name, pa.float64()) for name in NAMES])
    with pacsv.CSVWriter(path, schema) as writer:
        for start in range(0, n_rows, 50_000):
            size = min(50_000, n_rows - start)
            x = random.normal(size=(size, 8)) @ mixing + 0.3 * random.normal(size=(size, N_COLUMNS))
            writer.write_table(pa.table(dict(zip(NAMES, x.round(6).T, strict=True)), schema))


def prepare_copy(source: Path, output: Path) -> Callable[[], object]:
    """Pyarrow reads the file as text and writes it again."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    def run() -> None:
        reader = pacsv.open_csv(
            source,
            read_options=pacsv.ReadOptions(block_size=1 << 20),
            convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(NAMES, pa.string())),
        )
        with pacsv.CSVWriter(output, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)

    return run


def prepare_forest(source: Path, output: Path) -> Callable[[], object]:
    """Pandas reads the file, an isolation forest of the first rows scores it, pandas writes it."""
    import pandas as pd
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(random_state=0).fit(pd.read_csv(source, nrows=TRAIN_ROWS))

    def run() -> None:
        table = pd.read_csv(source)
        table.assign(score=forest.score_samples(table)).to_csv(output, index=False)

    return run


def prepare_ours(source: Path, output: Path) -> Callable[[], object]:
    """A scoring run with the defaults of ``anomaly-vae score``."""
    from anomaly_vae_pipelines.runs.score import ScoreRun
    from anomaly_vae_pipelines.scoring.options import ScoreOptions

    model = source.parent / "model.avae"
    if not model.exists():
        _fit(source, model)
    return ScoreRun(str(model), [str(source)], str(output), ScoreOptions(force=True))


PARTS = {"copy": prepare_copy, "forest": prepare_forest, "ours": prepare_ours}


def _fit(source: Path, model: Path) -> None:
    import pandas as pd

    from anomaly_vae import TabularVAEDetector, save

    save(TabularVAEDetector(random_state=0).fit(pd.read_csv(source, nrows=TRAIN_ROWS)), model)


def measured(part: str, source: Path) -> dict[str, float]:
    """Run one part in its own process; returns its seconds, those of the process, and peak memory (MB)."""
    command = [sys.executable, __file__, "--part", part, "--source", str(source)]
    started = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result | {"process": time.perf_counter() - started}


def run_part(part: str, source: Path) -> None:
    """Run one part, and print its seconds, those of all cores together, and peak memory."""
    run = PARTS[part](source, source.parent / f"{part}.csv")
    started, busy = time.perf_counter(), time.process_time()
    run()
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "busy": busy, "peak": peak}))


def compare_speed(directory: Path, n_rows: int, repeat: int) -> None:
    """Run the three parts alternately several times; the shortest time of each counts."""
    source = directory / "speed.csv"
    generate(source, n_rows)
    measured("ours", source)  # fits the model, and loads the file into the page cache
    runs = {part: list[dict[str, float]]() for part in PARTS}
    for _ in range(repeat):
        for part in PARTS:
            runs[part].append(measured(part, source))
    best, busy, process = (
        {part: min(run[name] for run in runs[part]) for part in PARTS}
        for name in ("seconds", "busy", "process")
    )
    print(f"{n_rows:,} rows x {N_COLUMNS}, {source.stat().st_size / 1e6:.0f} MB, best of {repeat}")
    for part, seconds in best.items():
        rate = n_rows / seconds
        print(f"  {part:<8} {seconds:6.2f} s  {rate:>12,.0f} rows/s  {busy[part]:6.2f} s of all cores")
    print(f"  ours / copy    {best['ours'] / best['copy']:.2f}   (target: at most 2)")
    print(f"  the same, whole processes  {process['ours'] / process['copy']:.2f}")
    print(f"  forest / ours  {best['forest'] / best['ours']:.2f}   (target: at least 12)")
    source.unlink()


def compare_memory(directory: Path, sizes: list[int]) -> None:
    """Measure the peak memory of scoring files of several lengths."""
    peaks = []
    for n_rows in sizes:
        source = directory / "memory.csv"
        generate(source, n_rows)
        peaks.append(measured("ours", source)["peak"])
        print(f"  {n_rows:>12,} rows  peak {peaks[-1]:.0f} MB")
        source.unlink()
        (directory / "ours.csv").unlink()
    print(f"  longest / shortest  {peaks[-1] / peaks[0]:.3f}   (target: at most 1.1, and under 400 MB)")


def main() -> None:
    """Print the ratios and the memory figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--memory-rows", type=int, nargs="*", default=[500_000, 5_000_000])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        run_part(options.part, options.source)
        return
    with tempfile.TemporaryDirectory() as directory:
        compare_speed(Path(directory), options.rows, options.repeat)
        if options.memory_rows:
            compare_memory(Path(directory), options.memory_rows)


if __name__ == "__main__":
    main()
