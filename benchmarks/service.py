"""The service under load: ours beside a plain FastAPI handler around the same model, in the same run.

    python benchmarks/service.py [--seconds 4] [--rounds 5] [--soak-minutes 0] [--skip-overload]

The load comes from wrk over loopback (Debian's package wrk); without it the script says so and does
nothing. Each server is a process of its own, and they are asked by turns; model, rows and bodies are
generated. The
plain handler is what one writes first: a pydantic model of the rows, a DataFrame, ``score_samples``, on
FastAPI's threads.
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

PLAIN = """
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


class Load(NamedTuple):
    """What wrk saw."""

    rate: float
    p50: float
    p99: float
    longest: float
    n_failed: int
    n_refused: int


def make_model(folder: Path) -> Path:
    """A model of 30 correlated numbers, of clean rows."""
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
    """Bodies by what they are called: file, media type, path, more headers in Lua."""
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
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(command: Sequence[str], port: int) -> Iterator[tuple[str, int]]:
    """A server as a process: its URL and its number."""
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
    """The load of some connections that ask again as soon as they are answered."""
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


def rates(urls: dict[str, str], made: Bodies, folder: Path, seconds: float, rounds: int) -> None:
    """Rates of both servers by turns, in every form that they read: the median of each over the rounds."""
    forms = [("plain", "one"), ("plain", "many"), *(("ours", name) for name in made)]
    loads: dict[tuple[str, str], list[Load]] = {form: [] for form in forms}
    for url in urls.values():
        wrk(url, made["one"], CONNECTIONS, 2, folder)
    for _ in range(rounds):
        for who, name in forms:
            loads[who, name].append(wrk(urls[who], made[name], CONNECTIONS, seconds, folder))
    header(f"{CONNECTIONS} connections, medians of {rounds}")
    for (who, name), found in loads.items():
        called = {"one": "1 row", "many": f"{MANY} rows, JSON"}.get(name, f"{MANY} rows, {name}")
        show(f"{who}, {called}", median(found), 1 if name == "one" else MANY)
    for name in ("one", "many"):
        pairs = zip(loads["ours", name], loads["plain", name], strict=True)
        ratios = sorted(ours.rate / plain.rate for ours, plain in pairs)
        called = "1 row" if name == "one" else f"{MANY} rows"
        print(f"{called}: ours / plain {statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})")


def median(loads: Sequence[Load]) -> Load:
    """The median of each figure."""
    return Load(*(statistics.median(figures) for figures in zip(*loads, strict=True)))


def overload(url: str, made: Bodies, folder: Path, seconds: float) -> None:
    """A crowd that asks for far more than can be done, and what comes after."""
    header(f"{CROWD} connections")
    show("ours, 1 row", wrk(url, made["one"], CROWD, seconds, folder), 1)
    show(f"ours, {MANY} rows, JSON", wrk(url, made["many"], CROWD, seconds, folder), MANY)
    print(f"the next request takes {1e3 * ask(url, made['one']):.1f} ms")


def soak(url: str, pid: int, made: Bodies, folder: Path, minutes: float) -> None:
    """Full load for long: memory after each tenth."""
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
    print(f"failed {n_failed}, refused {n_refused}; memory in MB after each tenth, and idle:")
    print("  " + " ".join(f"{value:.0f}" for value in memory))
    print(f"  from the first to the last: {100 * (memory[-1] / memory[0] - 1):+.1f} %")


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
        (folder / "plain.py").write_text(PLAIN)
        port, other = free_port(), free_port()
        command = [sys.executable, "-m", "pipelines.cli", "serve", str(model), "--port", str(port)]
        with running(command, port) as (url, pid):
            with running([sys.executable, str(folder / "plain.py"), str(model), str(other)], other) as (
                peer,
                _,
            ):
                urls = {"plain": peer, "ours": url}
                rates(urls, made, folder, arguments.seconds, arguments.rounds)
            if not arguments.skip_overload:
                overload(url, made, folder, arguments.seconds)
            if arguments.soak_minutes:
                soak(url, pid, made, folder, arguments.soak_minutes)


if __name__ == "__main__":
    main()
