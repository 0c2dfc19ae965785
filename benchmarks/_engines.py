"""Runs on Ray, on Spark and on threads of one process, for scale.py.

A function that begins with `prepare` makes everything ready in its own process, and returns what is timed.
"""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from batch import generate

N_FILES = 10
"""Input files of each kind."""


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


def prepare_driver(folder: Path, n_copies: int) -> Callable[[], object]:
    """The files again and again on two Ray workers; prints the memory of the driver each second."""
    from anomaly_vae_pipelines import ScoreOptions
    from anomaly_vae_pipelines.engines.ray import on_ray
    from anomaly_vae_pipelines.runs.parts import PartsRun
    from anomaly_vae_pipelines.scoring.model_files import open_content

    copies = folder / "copies"
    copies.mkdir(exist_ok=True)
    for number in range(n_copies * N_FILES):
        (copies / f"part{number:05}.csv").hardlink_to(folder / "csv" / f"part{number % N_FILES}.csv")
    content, output = (folder / "model.avae").read_bytes(), str(folder / "driver")
    _start_ray()
    _run_on_ray(folder, 2, "warm")

    def run() -> None:
        ended, found = threading.Event(), list[float]()

        def watch() -> None:
            while not ended.wait(1.0):
                found.append(memory("VmRSS"))
                for part in Path(output).glob("part-*.csv"):  # tens of GB in the end
                    os.truncate(part, 0)

        watcher = threading.Thread(target=watch)
        watcher.start()
        options = ScoreOptions(force=True)
        summary = PartsRun(open_content(content), content, [str(copies)], output, options, on_ray)()
        ended.set()
        watcher.join()
        tenth = max(len(found) // 10, 1)
        print(json.dumps([summary.n_rows, max(found[:tenth]), max(found[-tenth:])]), flush=True)
        shutil.rmtree(output)

    return run


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


def memory(field: str) -> float:
    """Memory of this process in MB: VmRSS is that of now, VmHWM its peak.

    getrusage gives a peak that includes that of the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


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
