"""Fitting on large files, and scoring on Ray and Spark, each beside a peer in the same run.

    python benchmarks/scale.py [--fit-rows 20000000] [--score-rows 5000000] [--driver-rows 50000000]
        [--kills 20] [--tables TABLE.npz ...] [--only fit ...]

fit      `anomaly-vae fit` of a CSV file, beside pyarrow reading it; peak memory
sampled  with --tables: quality of a fit on a sample beside one on all rows, as benchmarks/sampled.py
arrow    size of a pickled ArrowScorer, and a fresh process from its start to its first scored batch
ray      two Ray workers beside our own two threads, on ten CSV files, start-up apart; memory of the driver
spark    Spark's mapInArrow with two cores beside our own two threads, Parquet to Parquet, start-up apart
driver   memory of the driver of a run on Ray, second by second, while many rows pass
kills    runs on Ray in which a worker is killed at a random moment, compared with a run without
keys     one model per key of 2,000 keys: fit, file, and a mixed stream beside a single model

Each part runs in its own process. ray, driver and kills need the extra ray; spark needs Java 17 too.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from _engines import (
    N_FILES,
    memory,
    prepare_driver,
    prepare_ray,
    prepare_spark,
    prepare_threads,
    show_kills,
    write_inputs,
)
from batch import N_COLUMNS, NAMES, TRAIN_ROWS, generate

if TYPE_CHECKING:
    import pandas as pd

N_KEYS, KEY_ROWS = 2_000, 200
FIRST_BATCH = """
import pickle, sys
scorer = pickle.load(open(sys.argv[1], "rb"))
import pyarrow as pa, numpy as np
from anomaly_vae_pipelines.arrow_arrays import arrow_numbers
names = [f"x{j}" for j in range(30)]
scorer(pa.RecordBatch.from_arrays([arrow_numbers(np.zeros(1000)) for _ in names], names=names))
"""


def prepare_read(folder: Path) -> Callable[[], object]:
    """Pyarrow reads the file in batches, with types."""
    import pyarrow.csv as pacsv

    return lambda: sum(batch.num_rows for batch in pacsv.open_csv(folder / "fit.csv"))


def prepare_sample(folder: Path) -> Callable[[], object]:
    """What `fit` does before it trains: read the file and keep a sample."""
    from anomaly_vae_pipelines.dialects.reading import Reading
    from anomaly_vae_pipelines.sources import open_source, read_rows
    from anomaly_vae_pipelines.sources.sampling import sample_rows

    def run() -> int:
        with open_source(str(folder / "fit.csv"), reading=Reading()) as source:
            return sample_rows(read_rows(source)).n_seen

    return run


def prepare_fit(folder: Path) -> Callable[[], object]:
    """`anomaly-vae fit`, from the file to the model file."""
    from anomaly_vae_pipelines import fit_file

    return partial(fit_file, str(folder / "fit.csv"), str(folder / "fitted.avae"), force=True)


def _keyed_rows(n_keys: int, seed: int) -> pd.DataFrame:
    """200 rows per key in random order; each key has its own location and scale of eight columns."""
    import numpy as np
    import pandas as pd

    own, random = np.random.default_rng(0), np.random.default_rng(seed)
    level, spread = own.normal(0.0, 3.0, (n_keys, 8)), np.exp(own.normal(0.0, 0.5, (n_keys, 8)))
    keys = random.permutation(np.repeat(np.arange(n_keys), KEY_ROWS))
    noise = random.normal(size=(len(keys), 8))
    noise[:, 1] += noise[:, 0]
    noise[:, 2] += noise[:, 0] ** 2
    table = pd.DataFrame(level[keys] + spread[keys] * noise, columns=[f"x{j}" for j in range(8)])
    table.insert(0, "host", [f"host{key}" for key in keys])
    return table


def prepare_keys(folder: Path) -> Callable[[], object]:
    """Fitting one model per key."""
    from anomaly_vae import PerKey, TabularVAEDetector, save

    table = _keyed_rows(N_KEYS, 0)
    detector = PerKey(TabularVAEDetector(novelty=True, random_state=0), key="host")

    def run() -> None:
        detector.fit(table)
        save(detector, folder / "keyed.avae")
        save(detector.shared_, folder / "single.avae")

    return run


def prepare_stream(folder: Path, name: str) -> Callable[[], object]:
    """Scores and p-values of new rows of all keys, in random order, by a model that is warm."""
    from anomaly_vae import load_scorer

    model, rows = load_scorer(folder / f"{name}.avae"), _keyed_rows(N_KEYS, 1)
    if name == "single":
        rows = rows.drop(columns="host")
    model.score_samples(rows[:2000])
    return lambda: model.p_values(rows)


PARTS: dict[str, Callable[[Path], Callable[[], object]]] = {
    "read": prepare_read,
    "sample": prepare_sample,
    "fit": prepare_fit,
    "threads": prepare_threads,
    "threads-parquet": partial(prepare_threads, kind="parquet"),
    "ray": prepare_ray,
    "spark": prepare_spark,
    "keys": prepare_keys,
    "stream-single": partial(prepare_stream, name="single"),
    "stream-keyed": partial(prepare_stream, name="keyed"),
}


def run_part(part: str, folder: Path) -> None:
    """Run one part; prints its seconds without preparation, and the peak memory of its process (MB)."""
    run = PARTS[part](folder)
    started = time.perf_counter()
    run()
    seconds = time.perf_counter() - started
    print(json.dumps([seconds, memory("VmHWM")]), flush=True)


def measured(part: str, folder: Path) -> tuple[float, float]:
    """Run one part in its own process; returns its seconds and peak memory (MB)."""
    command = [sys.executable, __file__, "--part", part, "--folder", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, peak


def show_fit(folder: Path, n_rows: int) -> None:
    """Time and memory of fitting on a file, beside reading it."""
    path = folder / "fit.csv"
    generate(path, n_rows)
    print(f"{n_rows:,} rows x {N_COLUMNS}, {path.stat().st_size / 1e9:.2f} GB", flush=True)
    results = {part: measured(part, folder) for part in ("read", "sample", "fit")}
    for part, (seconds, peak) in results.items():
        ratio = seconds / results["read"][0]
        print(f"  {part:<8} {seconds:7.1f} s  {ratio:5.2f} x reading  peak {peak:5.0f} MB", flush=True)
    path.unlink()


def show_arrow(folder: Path) -> None:
    """Size of a scorer beside its model, and the time to a first batch."""
    from anomaly_vae_pipelines import ArrowScorer

    content, scorer = (folder / "model.avae").read_bytes(), folder / "scorer.pkl"
    scorer.write_bytes(pickle.dumps(ArrowScorer(content)))
    size = scorer.stat().st_size - len(content)
    print(f"ArrowScorer: {size:,} bytes beside a model of {len(content):,}; best of 5 fresh processes")
    for name, arguments in {
        "import numpy": ["import numpy"],
        "first batch": [FIRST_BATCH, str(scorer)],
    }.items():
        print(f"  {name:<14} {min(_process_seconds(arguments) for _ in range(5)):.2f} s", flush=True)


def _process_seconds(arguments: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", *arguments], check=True)
    return time.perf_counter() - started


def show_engine(folder: Path, engine: str, peer: str, n_rows: int) -> None:
    """Rows per second of an engine beside those of our own threads, in turns; the best of two counts."""
    found: dict[str, list[tuple[float, float]]] = {peer: [], engine: []}
    for _ in range(2):
        for part, results in found.items():
            results.append(measured(part, folder))
    rates = {part: n_rows / min(seconds for seconds, _ in results) for part, results in found.items()}
    for part, results in found.items():
        peak = max(peak for _, peak in results)
        print(f"  {part:<16} {rates[part]:>10,.0f} rows/s  peak memory of its process {peak:5.0f} MB")
    print(f"  {engine} / {peer}  {rates[engine] / rates[peer]:.2f}", flush=True)


def show_driver(folder: Path, n_copies: int) -> None:
    """Memory of the driver at the start and at the end of a long run."""
    command = [
        sys.executable,
        __file__,
        "--part",
        "driver",
        "--folder",
        str(folder),
        "--copies",
        str(n_copies),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    (n_rows, first, last), (seconds, peak) = map(json.loads, done.stdout.splitlines()[-2:])
    print(
        f"  driver: {n_rows:,} rows in {seconds:.0f} s; memory {first:.0f} MB in the first tenth, "
        f"{last:.0f} MB in the last, peak {peak:.0f} MB",
        flush=True,
    )


def show_keys(folder: Path) -> None:
    """Time and file of a fit of 2,000 models, and their rows per second beside those of a single one."""
    from anomaly_vae import load_scorer

    print(f"{N_KEYS:,} keys of {KEY_ROWS} rows x 8", flush=True)
    seconds, peak = measured("keys", folder)
    size = (folder / "keyed.avae").stat().st_size / 1e6
    n_models = len(load_scorer(folder / "keyed.avae").keys_)
    print(f"  fit and save of {n_models:,} models  {seconds:.1f} s  peak {peak:.0f} MB  file {size:.1f} MB")
    show_engine(folder, "stream-keyed", "stream-single", N_KEYS * KEY_ROWS)


def main() -> None:
    """Print the figures of the parts that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sections = ["fit", "sampled", "arrow", "ray", "driver", "spark", "kills", "keys"]
    parser.add_argument("--fit-rows", type=int, default=20_000_000)
    parser.add_argument("--score-rows", type=int, default=5_000_000)
    parser.add_argument("--driver-rows", type=int, default=50_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--tables", nargs="*", type=Path, default=[])
    parser.add_argument("--only", nargs="*", choices=sections, default=sections)
    parser.add_argument("--part", choices=[*PARTS, "driver"], help=argparse.SUPPRESS)
    parser.add_argument("--copies", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        PARTS["driver"] = partial(prepare_driver, n_copies=options.copies)
        run_part(options.part, options.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "fit" in options.only:
            show_fit(folder, options.fit_rows)
        if "sampled" in options.only and options.tables:
            from sampled import show_sampled

            print("AUROC of fits on a sample, mean of seeds 0, 1 and 2")
            show_sampled(options.tables, [0, 1, 2])
        on_engines = {"ray", "driver", "spark", "kills"} & set(options.only)
        if on_engines or "arrow" in options.only:
            _fit_model(folder)
        if "arrow" in options.only:
            show_arrow(folder)
        if on_engines:
            write_inputs(folder, options.score_rows)
            print(f"{options.score_rows:,} rows x {N_COLUMNS} in {N_FILES} files")
        if "ray" in options.only:
            show_engine(folder, "ray", "threads", options.score_rows)
        if "driver" in options.only:
            show_driver(folder, max(1, options.driver_rows // options.score_rows))
        if "spark" in options.only:
            show_engine(folder, "spark", "threads-parquet", options.score_rows)
        if "kills" in options.only:
            show_kills(folder, options.kills)
        if "keys" in options.only:
            show_keys(folder)


def _fit_model(folder: Path) -> None:
    import pandas as pd

    from anomaly_vae import TabularVAEDetector, save

    generate(folder / "train.csv", TRAIN_ROWS)
    rows = pd.read_csv(folder / "train.csv")[NAMES]
    save(TabularVAEDetector(random_state=0).fit(rows), folder / "model.avae")


if __name__ == "__main__":
    main()
