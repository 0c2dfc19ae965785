"""Coverage-guided fuzzing of loading for some minutes; files that cause a breach join the corpus, minimised.

    python -m tests.forgeries.fuzz --minutes 30 --keep build/breaches

exits 1 where it found a breach of a new kind. A test then loads every file of the corpus.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from tests.anomaly_vae.forging import unzipped, zipped
from tests.forgeries.judge import Outcome, judge_load
from tests.forgeries.models import CORPUS
from tests.forgeries.workers import judge_all

_LIMITS = ("-timeout=10", "-rss_limit_mb=3072", "-print_final_stats=1", "-verbosity=1")
_CUTTING_SECONDS = 60.0


def main() -> int:
    """Fuzz, then cut down and keep what was found."""
    options = _options()
    options.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        found = _fuzz(Path(folder), 60.0 * options.minutes)
        kept = [_keep(content, options.keep) for content in found]
    new = [line for line in kept if line]
    sys.stdout.write("".join(f"{line}\n" for line in new) + f"{len(new)} new findings of {len(kept)}\n")
    return 1 if new else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.forgeries.fuzz")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument(
        "--keep", type=Path, default=Path("build/breaches"), help="whole files that were found"
    )
    return parser.parse_args()


def _fuzz(folder: Path, seconds: float) -> list[bytes]:
    """Files that caused a breach, until the time is up; a run that crashes is started again."""
    found, inputs = folder / "found", folder / "inputs"
    found.mkdir()
    inputs.mkdir()
    end = time.monotonic() + seconds
    while (left := int(end - time.monotonic())) > 0:
        target = [sys.executable, "-m", "tests.forgeries.fuzz_target", str(inputs), str(CORPUS)]
        limits = [*_LIMITS, f"-max_total_time={left}", f"-artifact_prefix={found}/"]
        environment = os.environ | {"FOUND": str(found), "SCRATCH": str(folder)}
        before = len(list(found.iterdir()))
        ran = subprocess.run([*target, *limits], env=environment, check=False)
        if ran.returncode != 0 and len(list(found.iterdir())) == before:
            raise RuntimeError("the fuzzer ended without a finding; see its output above")
    return [path.read_bytes() for path in sorted(found.iterdir())]


def _keep(content: bytes, folder: Path) -> str | None:
    """Keep a file that breaks something, whole in the folder and cut down in the corpus; what it breaks."""
    outcome = _judged([content])[0]
    name = f"found-{outcome.digest}.avae"
    if not outcome.verdict.is_breach or (CORPUS / name).exists():
        return None
    (folder / name).write_bytes(content)
    small = _cut(content, outcome)
    (CORPUS / name).write_bytes(small)
    return f"{CORPUS / name} ({len(small):,} bytes): {outcome.verdict}: {outcome.reason[:200]}"


def _cut(content: bytes, wanted: Outcome) -> bytes:
    """The file without members, and without parts of members, that it can break the same thing without."""
    end = time.monotonic() + _CUTTING_SECONDS
    while time.monotonic() < end:
        candidates = list(_smaller(content))
        outcomes = _judged(candidates)
        same = [
            one for one, outcome in zip(candidates, outcomes, strict=True) if outcome.digest == wanted.digest
        ]
        if not same:
            break
        content = min(same, key=len)
    return content


def _smaller(content: bytes) -> Iterator[bytes]:
    """Files with half of the members, with one fewer, or with a part of one cut out."""
    try:
        members = unzipped(content)
    except Exception:
        for size in (2, 4, 16):
            yield from (
                content[: i * len(content) // size] + content[(i + 1) * len(content) // size :]
                for i in range(size)
            )
        return
    arrays = [name for name in members if name.endswith(".npy")]
    for gone in (arrays, arrays[::2], arrays[1::2], *([name] for name in arrays[:20])):
        if gone:
            yield zipped({name: data for name, data in members.items() if name not in gone})
    for name in ("schema.json", "metadata.json"):
        data = members.get(name, b"")
        if len(data) > 100:
            yield zipped(members | {name: b"{}"})


def _judged(contents: list[bytes]) -> list[Outcome]:
    """Outcomes of loading files, each in a process of its own."""
    judged = judge_all(range(len(contents)), lambda number: (contents[number], None), judge=judge_load)
    return [outcome for _, outcome in sorted(judged)]


if __name__ == "__main__":
    sys.exit(main())
