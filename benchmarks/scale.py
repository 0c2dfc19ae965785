"""Fitting on large files, and scoring on Ray and Spark, each beside a peer in the same run.

    python benchmarks/scale.py [--fit-rows 20000000] [--score-rows 5000000] [--kills 20] [--only fit ...]

fit      `anomaly-vae fit` of a CSV file, beside pyarrow reading it; peak memory
arrow    size of a pickled ArrowScorer, and a fresh process from its start to its first scored batch
ray      two Ray workers beside our own two threads, on ten CSV files, start-up apart; memory of the driver
spark    Spark's mapInArrow with two cores beside our own two threads, Parquet to Parquet, start-up apart
kills    runs on Ray in which a worker is killed at a random moment, compared with a run without
keys     one model per key of 2,000 keys: fit, file, and a mixed stream beside a single model

Each part runs in its own process. ray, spark and kills need the extras of these names, and Spark Java 17.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import pickle
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from batch import N_COLUMNS, NAMES, TRAIN_ROWS, generate

if TYPE_CHECKING:
    import pandas as pd

N_FILES = 10
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


def prepare_threads(folder: Path, kind: str = "csv") -> Callable[[], object]:
    """A scoring run of this process on two threads."""
    from anomaly_vae_pipelines import ScoreOptions, ScoreRun

    inputs, options = [str(folder / kind)], ScoreOptions(force=True, jobs=2)
    return lambda: ScoreRun(str(folder / "model.avae"), inputs, str(folder / f"threads.{kind}"), options)()


def prepare_ray(folder: Path) -> Callable[[], object]:
    """The same files on two Ray workers, which are warm after a first run of two files."""
    _start_ray()
    _run_on_ray(folder, 2, "warm")
    return partial(_run_on_ray, folder, N_FILES, "ray")


def _start_ray() -> None:
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)


def _run_on_ray(folder: Path, n_files: int, output: str) -> object:
    from anomaly_vae_pipelines import ScoreOptions
    from anomaly_vae_pipelines.engines.ray import on_ray
    from anomaly_vae_pipelines.runs.parts import PartsRun
    from anomaly_vae_pipelines.scoring.model_files import open_content

    content = (folder / "model.avae").read_bytes()
    inputs = [str(folder / "csv" / f"part{k}.csv") for k in range(n_files)]
    options = ScoreOptions(force=True)
    return PartsRun(open_content(content), content, inputs, str(folder / output), options, on_ray)()


def prepare_spark(folder: Path) -> Callable[[], object]:
    """The same rows with mapInArrow on two cores, after a first run of one file."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    from anomaly_vae_pipelines.engines.spark import score_frame

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.driver.memory", "2g").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")

    def run(*names: str) -> None:
        frame = spark.read.parquet(*(str(folder / "parquet" / name) for name in names))
        score_frame(frame, folder / "model.avae").write.mode("overwrite").parquet(str(folder / "spark"))

    run("part0.parquet")
    return lambda: run(*(f"part{k}.parquet" for k in range(N_FILES)))


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
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]), flush=True)


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


def write_inputs(folder: Path, n_rows: int) -> None:
    """Write the rows as ten CSV files and ten Parquet files."""
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    for kind in ("csv", "parquet"):
        (folder / kind).mkdir(exist_ok=True)
    for number in range(N_FILES):
        path = folder / "csv" / f"part{number}.csv"
        generate(path, n_rows // N_FILES)
        pq.write_table(pacsv.read_csv(path), folder / "parquet" / f"part{number}.parquet")


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


def show_kills(folder: Path, n_runs: int) -> None:
    """Kill a worker at a random moment of each run, and compare the results."""
    _start_ray()
    started = time.perf_counter()
    _run_on_ray(folder, N_FILES, "calm")
    seconds = time.perf_counter() - started
    calm = _parts(folder / "calm")
    chance, n_killed, n_same = random.Random(0), 0, 0
    for _ in range(n_runs):
        killed: list[int] = []
        killer = threading.Timer(chance.uniform(0.05, 0.8) * seconds, _kill_a_worker, [killed])
        killer.start()
        _run_on_ray(folder, N_FILES, "killed")
        killer.join()
        n_killed += len(killed)
        found = _parts(folder / "killed")
        lines = sum(content.count(b"\n") - 1 for content in found.values())
        summary = json.loads((folder / "killed" / "_summary.json").read_text())
        n_same += found == calm and summary["n_rows"] == lines
    print(f"{n_runs} runs, a worker killed in {n_killed}: files and account as without in {n_same}")


def show_keys(folder: Path) -> None:
    """Time and file of a fit of 2,000 models, and their rows per second beside those of a single one."""
    from anomaly_vae import load_scorer

    print(f"{N_KEYS:,} keys of {KEY_ROWS} rows x 8", flush=True)
    seconds, peak = measured("keys", folder)
    size = (folder / "keyed.avae").stat().st_size / 1e6
    n_models = len(load_scorer(folder / "keyed.avae").keys_)
    print(f"  fit and save of {n_models:,} models  {seconds:.1f} s  peak {peak:.0f} MB  file {size:.1f} MB")
    show_engine(folder, "stream-keyed", "stream-single", N_KEYS * KEY_ROWS)


def _parts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("part-*.csv")}


def _kill_a_worker(killed: list[int]) -> None:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_worker = (process / "cmdline").read_bytes().startswith(b"ray::score_part")
        except OSError:
            continue
        if is_worker:
            os.kill(int(process.name), signal.SIGKILL)
            killed.append(int(process.name))
            return


def main() -> None:
    """Print the figures of the parts that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sections = ["fit", "arrow", "ray", "spark", "kills", "keys"]
    parser.add_argument("--fit-rows", type=int, default=20_000_000)
    parser.add_argument("--score-rows", type=int, default=5_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--only", nargs="*", choices=sections, default=sections)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        run_part(options.part, options.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "fit" in options.only:
            show_fit(folder, options.fit_rows)
        if {"arrow", "ray", "spark", "kills"} & set(options.only):
            _fit_model(folder)
        if "arrow" in options.only:
            show_arrow(folder)
        if {"ray", "spark", "kills"} & set(options.only):
            write_inputs(folder, options.score_rows)
            print(f"{options.score_rows:,} rows x {N_COLUMNS} in {N_FILES} files")
        if "ray" in options.only:
            show_engine(folder, "ray", "threads", options.score_rows)
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
