"""The service under load: ours beside a plain FastAPI handler around the same model, in the same run.

    python benchmarks/service.py [--seconds 4] [--rounds 5] [--soak-minutes 0] [--skip-overload]

The load comes from wrk over loopback (Debian's package wrk); without it the script prints so and ends. Each
server is a separate process, and the loads alternate between them; model, rows and bodies are generated. The
plain handler is the simplest one: a pydantic model of the rows, a DataFrame, ``score_samples``, on FastAPI's
threads (the extra ``bench`` installs FastAPI). Exit code 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

MOST_SECONDS, MOST_GROWTH = 1.0, 0.05
"""Slowest response under overload, in seconds, and growth of memory over a soak."""

ROW_RATE, ROW_P99, ROWS_RATE = 1500.0, 25.0, 100_000.0
"""Bars: requests per second and milliseconds at one row per request, rows per second at 256."""

PLAIN = 373.0, 74.0, 22_700.0
"""Figures of the plain handler on the machine of the bars; on a slower machine the ratio counts."""

N_COLUMNS, TRAIN_ROWS, MANY = 30, 10_000, 256
NAMES = [f"x{j}" for j in range(N_COLUMNS)]
CONNECTIONS, CROWD = 8, 200

REPORT = """
local file = io.open("{body}", "rb"); wrk.body = file:read("*all"); file:close()
wrk.method = "POST"; wrk.headers["Content-Type"] = "{media}"
{headers}
function done(summary, latency, requests)
  io.write(string.format("REPORT %d %d %d %d %d %d %d %d %d\\n", summary.requests, summary.duration,
    summary.errors.connect + summary.errors.read + summary.errors.write, summary.errors.timeout,
    summary.errors.status, latency:percentile(50), latency:percentile(99), latency.max, summary.bytes))
end
"""

PLAIN_HANDLER = """
import sys
import pandas as pd
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from anomaly_vae import load
from anomaly_vae.thresholds import conformal_p_values

detector = load(sys.argv[1])
app = FastAPI()

class Request(BaseModel):
    rows: list[dict[str, float]]

@app.post("/v1/score")
def score(request: Request):
    frame = pd.DataFrame(request.rows)[list(detector.feature_names_in_)]
    scores = detector.score_samples(frame)
    p_values = conformal_p_values(scores, detector.calibration_scores_)
    return {"rows": [{"score": float(s), "p_value": float(p), "is_anomaly": bool(s < detector.offset_)}
                     for s, p in zip(scores, p_values)]}

uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")
"""


Bodies = dict[str, tuple[Path, str, str, str]]


class Bar(NamedTuple):
    """A bar, and the measured figure."""

    name: str
    wanted: str
    found: str
    holds: bool


class Load(NamedTuple):
    """The figures of wrk."""

    rate: float
    p50: float
    p99: float
    longest: float
    n_failed: int
    n_refused: int


Loads = dict[tuple[str, str], list[Load]]


def make_model(folder: Path) -> Path:
    """A model of 30 correlated numbers, fitted on clean rows."""
    import pandas as pd

    from anomaly_vae import TabularVAEDetector, save

    path = folder / "model.avae"
    train = pd.DataFrame(rows_of(TRAIN_ROWS), columns=NAMES)
    save(TabularVAEDetector(novelty=True, random_state=0).fit(train), path)
    return path


def rows_of(n_rows: int) -> Any:
    """Correlated numbers with four decimals."""
    import numpy as np

    random = np.random.default_rng(n_rows)
    mixing = np.random.default_rng(0).normal(size=(8, N_COLUMNS))
    x = random.normal(size=(n_rows, 8)) @ mixing + 0.3 * random.normal(size=(n_rows, N_COLUMNS))
    return x.round(4)


def bodies(folder: Path) -> Bodies:
    """Bodies by name: file, media type, path, more headers in Lua."""
    import numpy as np
    import pyarrow as pa

    one, many = (
        {"rows": [dict(zip(NAMES, row, strict=True)) for row in rows_of(n).tolist()]} for n in (1, MANY)
    )
    matrix = rows_of(MANY)
    head = {"name": "rows", "shape": [MANY, N_COLUMNS], "datatype": "FP64"}
    tensor = json.dumps({"inputs": [head | {"data": matrix.ravel().tolist()}]}).encode()
    binary_head = json.dumps(
        {"inputs": [head | {"parameters": {"binary_data_size": matrix.nbytes}}]}
    ).encode()
    stream = io.BytesIO()
    table = pa.table(dict(zip(NAMES, matrix.T, strict=True)))
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    length = f'wrk.headers["Inference-Header-Content-Length"] = "{len(binary_head)}"'
    arrow, plain, infer = "application/vnd.apache.arrow.stream", "application/json", "/v2/models/model/infer"
    made = {
        "one": (json.dumps(one).encode(), plain, "/v1/score", ""),
        "many": (json.dumps(many).encode(), plain, "/v1/score", ""),
        "V2, JSON": (tensor, plain, infer, ""),
        "V2, binary": (binary_head + np.ascontiguousarray(matrix).tobytes(), plain, infer, length),
        "Arrow": (stream.getvalue(), arrow, "/v1/score", ""),
    }
    found = {}
    for number, (name, (body, media, path, headers)) in enumerate(made.items()):
        file = folder / f"body{number}"
        file.write_bytes(body)
        found[name] = (file, media, path, headers)
    return found


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(command: Sequence[str], port: int) -> Iterator[tuple[str, int]]:
    """A server as a process: its URL and its process id."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            for _ in range(600):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
                    break
                if process.poll() is not None:
                    log.seek(0)
                    sys.exit(log.read().decode())
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(40)


def wrk(url: str, body: tuple[Path, str, str, str], connections: int, seconds: float, folder: Path) -> Load:
    """The load of some connections that send the next request as soon as they have a response."""
    file, media, path, headers = body
    script = folder / "load.lua"
    script.write_text(REPORT.format(body=file, media=media, headers=headers))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "10s", "-s", str(script)]
    printed = subprocess.run([*command, url + path], capture_output=True, text=True, check=True).stdout
    report = next(line for line in printed.splitlines() if line.startswith("REPORT"))
    n, micros, broken, late, refused, p50, p99, longest, _ = map(int, report.split()[1:])
    return Load((n - refused) / micros * 1e6, p50 / 1e3, p99 / 1e3, longest / 1e3, broken + late, refused)


def memory_of(pid: int) -> float:
    """Resident memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1e3


def ask(url: str, body: tuple[Path, str, str, str]) -> float:
    """Seconds that one request takes."""
    file, media, path, _ = body
    request = urllib.request.Request(url + path, file.read_bytes(), {"Content-Type": media})
    started = time.perf_counter()
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()
    return time.perf_counter() - started


def show(name: str, load: Load, n_rows: int) -> None:
    """A line of the table."""
    rows = f"{load.rate * n_rows:9,.0f}" if n_rows > 1 else " " * 9
    print(
        f"{name:<34}{load.rate:8,.0f}{rows}{load.p50:9.1f}{load.p99:9.1f}{load.longest:9.1f}"
        f"{load.n_refused:8,}{load.n_failed:8,}",
        flush=True,
    )


def header(title: str) -> None:
    """The head of a table."""
    names = f"{'req/s':>8}{'rows/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'503':>8}{'failed':>8}"
    print(f"\n{title:<34}{names}", flush=True)


def rates(urls: dict[str, str], made: Bodies, folder: Path, seconds: float, rounds: int) -> list[Bar]:
    """Alternating rates of both servers, in every format that they read: medians over the rounds."""
    forms = [("plain", "one"), ("plain", "many"), *(("ours", name) for name in made)]
    loads: Loads = {form: [] for form in forms}
    for url in urls.values():
        wrk(url, made["one"], CONNECTIONS, 2, folder)
    for _ in range(rounds):
        for who, name in forms:
            loads[who, name].append(wrk(urls[who], made[name], CONNECTIONS, seconds, folder))
    header(f"{CONNECTIONS} connections, medians of {rounds}")
    for (who, name), found in loads.items():
        called = {"one": "1 row", "many": f"{MANY} rows, JSON"}.get(name, f"{MANY} rows, {name}")
        show(f"{who}, {called}", median(found), 1 if name == "one" else MANY)
    plain_rate, plain_p99, plain_rows = PLAIN
    return [
        _rate_bar("1 row, requests/s", loads, "one", ROW_RATE, ROW_RATE / plain_rate, 1),
        _p99_bar("1 row, p99", loads, ROW_P99, ROW_P99 / plain_p99),
        _rate_bar(f"{MANY} rows, rows/s", loads, "many", ROWS_RATE, ROWS_RATE / plain_rows, MANY),
    ]


def _rate_bar(name: str, loads: Loads, body: str, wanted: float, ratio: float, n_rows: int) -> Bar:
    pairs = zip(loads["ours", body], loads["plain", body], strict=True)
    ratios = sorted(ours.rate / plain.rate for ours, plain in pairs)
    rate, times = median(loads["ours", body]).rate * n_rows, statistics.median(ratios)
    found = f"{rate:,.0f}, {times:.1f} x ({ratios[0]:.1f} to {ratios[-1]:.1f})"
    return Bar(name, f">= {wanted:,.0f} or {ratio:.1f} x plain", found, rate >= wanted or times >= ratio)


def _p99_bar(name: str, loads: Loads, wanted: float, ratio: float) -> Bar:
    p99 = median(loads["ours", "one"]).p99
    times = p99 / median(loads["plain", "one"]).p99
    wish = f"<= {wanted:.0f} ms or {ratio:.2f} x plain"
    return Bar(name, wish, f"{p99:.1f} ms, {times:.2f} x", p99 <= wanted or times <= ratio)


def median(loads: Sequence[Load]) -> Load:
    """The median of each figure."""
    return Load(*(statistics.median(figures) for figures in zip(*loads, strict=True)))


def overload(url: str, made: Bodies, folder: Path, seconds: float) -> list[Bar]:
    """Overload by many connections, and the request after it."""
    header(f"{CROWD} connections")
    loads = []
    for name, called, n_rows in (("one", "1 row", 1), ("many", f"{MANY} rows, JSON", MANY)):
        loads.append(wrk(url, made[name], CROWD, seconds, folder))
        show(f"ours, {called}", loads[-1], n_rows)
    after = ask(url, made["one"])
    longest, n_failed = max(load.longest for load in loads), sum(load.n_failed for load in loads)
    wish = f"<= {1e3 * MOST_SECONDS:.0f} ms, none failed"
    holds = longest <= 1e3 * MOST_SECONDS and not n_failed
    return [
        Bar(f"{CROWD} connections, longest", wish, f"{longest:.0f} ms, {n_failed} failed", holds),
        Bar(
            "the next request",
            f"<= {1e3 * MOST_SECONDS:.0f} ms",
            f"{1e3 * after:.0f} ms",
            after <= MOST_SECONDS,
        ),
    ]


def soak(url: str, pid: int, made: Bodies, folder: Path, minutes: float) -> list[Bar]:
    """Full load for many minutes: memory after each tenth."""
    header(f"{minutes:g} minutes, then idle")
    memory, n_failed, n_refused = [], 0, 0
    for _ in range(10):
        load = wrk(url, made["one"], CONNECTIONS, 6 * minutes * 0.7, folder)
        more = wrk(url, made["many"], CONNECTIONS, 6 * minutes * 0.3, folder)
        n_failed += load.n_failed + more.n_failed
        n_refused += load.n_refused + more.n_refused
        memory.append(memory_of(pid))
    show("the last tenth, 1 row", load, 1)
    time.sleep(5)
    memory.append(memory_of(pid))
    print("memory in MB after each tenth, and idle: " + " ".join(f"{value:.0f}" for value in memory))
    growth = memory[-1] / memory[0] - 1
    wish = f"none failed or refused, memory within {100 * MOST_GROWTH:.0f} %"
    found = f"{n_failed} failed, {n_refused} refused, {100 * growth:+.1f} %"
    holds = not n_failed and not n_refused and abs(growth) <= MOST_GROWTH
    return [Bar(f"{minutes:g} minutes", wish, found, holds)]


def judge(bars: Sequence[Bar]) -> bool:
    """Print all bars and figures; returns whether all bars are held."""
    print()
    for bar in bars:
        print(f"{bar.name:<26}{bar.wanted:<46}{bar.found:<34}{'held' if bar.holds else 'MISSED'}")
    return all(bar.holds for bar in bars)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--soak-minutes", type=float, default=0.0)
    parser.add_argument("--skip-overload", action="store_true")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        print("skipped: wrk is not installed (Debian: apt-get install wrk)")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, made = make_model(folder), bodies(folder)
        (folder / "plain.py").write_text(PLAIN_HANDLER)
        port, other = free_port(), free_port()
        serve = ["serve", str(model), "--port", str(port)]
        command = [sys.executable, "-m", "anomaly_vae_pipelines.cli", *serve]
        with running(command, port) as (url, pid):
            with running([sys.executable, str(folder / "plain.py"), str(model), str(other)], other) as (
                peer,
                _,
            ):
                urls = {"plain": peer, "ours": url}
                bars = rates(urls, made, folder, arguments.seconds, arguments.rounds)
            if not arguments.skip_overload:
                bars += overload(url, made, folder, arguments.seconds)
            if arguments.soak_minutes:
                bars += soak(url, pid, made, folder, arguments.soak_minutes)
    sys.exit(not judge(bars))


if __name__ == "__main__":
    main()
