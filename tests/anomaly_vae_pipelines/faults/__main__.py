"""Run the faults; exit code 1 where one of them cost anything.

Start it with ``python -m tests.anomaly_vae_pipelines.faults``.

All steps of all cases by default, else ``--per-case`` of them, and pairs of runs of one output at a time.
"""

from __future__ import annotations

import argparse
import os
import pickle
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.anomaly_vae_pipelines.faults.calls import KILLED, Counted, modes_of
from tests.anomaly_vae_pipelines.faults.cases import (
    BLOCK_BYTES,
    FORMATS,
    Case,
    Place,
    alert_ids,
    all_cases,
    hidden_files,
)
from tests.anomaly_vae_pipelines.faults.forking import Child, cache_models, run, warm_up
from tests.anomaly_vae_pipelines.faults.overlaps import overlapping

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where bringing a file to disk costs nothing: a run is brought there hundreds of times."""


class FaultError(Exception):
    """What must not be after a fault."""


def main() -> int:
    """Print a table; gives the exit code."""
    options = _options()
    if not hasattr(os, "fork"):
        print("needs fork")  # noqa: T201
        return 1
    _small_steps()
    nothing = Counts()
    with tempfile.TemporaryDirectory(prefix="faults-", dir=MEMORY) as folder:
        model = options.model or _fitted(folder)
        warm_up(model)
        jobs = [Job(Path(folder) / f"{number}", model, options, number) for number in range(options.jobs)]
        for process in [job.start() for job in jobs]:
            os.waitpid(process, 0)
        counts = sum((job.counts() for job in jobs), nothing)
    return counts.show()


class Job:
    """A process that tries every n-th case, and leaves its counts in a file."""

    def __init__(self, folder: Path, model: str, options: argparse.Namespace, number: int) -> None:
        self.folder, self.options, self.number = folder, options, number
        self.folder.mkdir()
        self.place = Place(folder, model)

    def start(self) -> int:
        """The process."""
        process = os.fork()
        if not process:
            try:
                (self.folder / "counts").write_bytes(pickle.dumps(self._tried()))
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        return process

    def counts(self) -> Counts:
        """What the process counted; raises FileNotFoundError where it failed."""
        return pickle.loads((self.folder / "counts").read_bytes())

    def _tried(self) -> Counts:
        options, counts = self.options, Counts()
        offset = random.Random(options.seed).randrange(options.every)
        for case in list(all_cases())[offset :: options.every][self.number :: options.jobs]:
            if options.only in str(case):
                draw = random.Random(f"{options.seed}{case}")
                _try_case(case, self.place, options.per_case, draw, counts)
        draw = random.Random(f"{options.seed}{self.number}")
        for file_format in FORMATS[self.number :: options.jobs] if options.overlaps else ():
            for kind, outcome in overlapping(self.place, file_format, options.overlaps, draw):
                counts.add(f"two runs, {file_format}", kind, "pair", *_split(outcome))
        return counts


@dataclass
class Counts:
    """Steps and outcomes, by case."""

    steps: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def __add__(self, other: Counts) -> Counts:
        sums = [getattr(self, name) + getattr(other, name) for name in ("steps", "outcomes", "kinds")]
        return Counts(*sums, self.modes + other.modes, self.problems + other.problems, self.began)

    def add(self, name: str, kind: str, mode: str, outcome: str, problem: str = "") -> None:
        self.steps[name] += 1
        self.outcomes[name, outcome] += 1
        self.kinds[kind] += 1
        self.modes[mode] += 1
        if problem:
            self.problems.append(problem)
            print(problem[:400], flush=True)  # noqa: T201

    def show(self) -> int:
        """Print the table; 1 where anything was lost."""
        outcomes = sorted({outcome for _, outcome in self.outcomes} | {"lost", "unresumable"})
        width = max(map(len, self.steps), default=0)
        lines = ["".join([f"{'':{width}}", f"{'tried':>8}", *(f"{name:>14}" for name in outcomes)])]
        for name, n_steps in sorted(self.steps.items()):
            cells = [f"{self.outcomes[name, outcome]:14}" for outcome in outcomes]
            lines.append("".join([f"{name:{width}}", f"{n_steps:8}", *cells]))
        totals = [sum(n for (_, o), n in self.outcomes.items() if o == outcome) for outcome in outcomes]
        lines.append(
            "".join([f"{'all':{width}}", f"{sum(self.steps.values()):8}", *(f"{n:14}" for n in totals)])
        )
        for counter in (self.kinds, self.modes):
            lines.append(", ".join(f"{name} {n}" for name, n in counter.most_common()))
        lines.append(f"{time.monotonic() - self.began:.0f} s, {len(self.problems)} problems")
        print("\n".join(lines))  # noqa: T201
        return 1 if self.problems or not self.steps else 0


def _split(outcome: str) -> tuple[str, str]:
    """The word of an outcome, and all of it where it is a problem."""
    word = outcome.partition(":")[0]
    return word, "" if word == outcome else outcome


def _try_case(case: Case, place: Place, per_case: int | None, draw: random.Random, counts: Counts) -> None:
    case.prepare(place)
    quiet = run(case.arguments(place), Counted(), place.report)
    if quiet.code or hidden_files(place):
        raise SystemExit(f"{case}: an undisturbed run ended with {quiet.code}: {quiet.said}")
    expected, ids = case.result(place), alert_ids(place)
    if case.alerts and len(ids) < 2:
        raise SystemExit(f"{case}: an undisturbed run raised {len(ids)} alerts; wanted some")
    faults = [(k, mode) for k, (kind, _) in enumerate(quiet.steps) for mode in modes_of(kind)]
    if per_case is not None:
        faults = sorted(draw.sample(faults, min(per_case, len(faults))))
    print(f"{case}: {len(quiet.steps)} steps, {len(faults)} faults", file=sys.stderr, flush=True)  # noqa: T201
    for at, mode in faults:
        kind, path = quiet.steps[at]
        try:
            outcome = _try_fault(case, place, at, mode, expected, ids)
            counts.add(str(case), kind, mode, outcome)
        except FaultError as fault:
            word, problem = _split(str(fault))
            counts.add(str(case), kind, mode, word, f"{case}, step {at} {mode} {kind} {path}: {problem}")


def _try_fault(case: Case, place: Place, at: int, mode: str, expected: list[object], ids: set[str]) -> str:
    """What came of a fault: the run ended well, failed or died, and the next one put it right."""
    case.prepare(place)
    child = run(case.arguments(place), Counted(at, mode), place.report)
    if not case.is_whole(place, expected):
        raise FaultError(f"lost: a file is neither old nor new; {child.said}")
    if child.code == 0:
        _check_result(case, place, expected, ids, "lost")
    if child.code == 0 and at >= len(child.steps):
        return "not reached"  # how often a sink is tried again depends on the time that passes
    if child.code not in (0, KILLED):
        _check_message(child)
    if child.code != KILLED and (case.cleans_up or child.code == 0):
        _check_rest(place, child, at)
    if child.code != KILLED and case.cleans_up and not ids:
        return "failed" if child.code else "ended well"
    again = run(case.arguments(place), Counted(), place.report)
    if child.code == 0 and not case.cleans_up and again.code == 2 and "exists already" in again.said:
        return "ended well"
    if again.code:
        raise FaultError(f"unresumable: exit code {again.code}; {again.said}")
    _check_result(case, place, expected, ids, "unresumable")
    if child.code != KILLED:
        return "failed" if child.code else "ended well"
    return "resumed"


def _check_result(case: Case, place: Place, expected: list[object], ids: set[str], word: str) -> None:
    result = case.result(place)
    if result != expected:
        raise FaultError(f"{word}: not what an undisturbed run leaves: {result}\nwanted {expected}")
    if alert_ids(place) != ids:
        raise FaultError(
            f"{word}: alerts {sorted(ids - alert_ids(place))}, more {sorted(alert_ids(place) - ids)}"
        )


def _check_message(child: Child) -> None:
    lines = child.said.splitlines()
    is_error = [line.startswith("anomaly-vae: error: ") for line in lines]
    is_plain = is_error.count(True) == 1 and is_error[-1]
    is_plain = is_plain and "unexpected" not in child.said and "Traceback" not in child.said
    if child.code != 1 or not is_plain:
        raise FaultError(f"message: exit code {child.code}: {child.said}")


def _check_rest(place: Place, child: Child, at: int) -> None:
    """No hidden file may be left but one that the operating system refused to remove."""
    kind, path = child.steps[at]
    refused = {path, str(Path(path).parent)} if kind in ("unlink", "rmdir") else set()
    if rest := hidden_files(place) - refused:
        raise FaultError(f"leftover: {sorted(rest)}; {child.said}")


def _small_steps() -> None:
    """Blocks of a few rows and a checkpoint after each, so that a small run has many steps."""
    cache_models()
    from anomaly_vae_pipelines.runs import score as score_run
    from anomaly_vae_pipelines.sources.delimited import DelimitedSource

    score_run.CHECKPOINT_SECONDS = 0.0
    DelimitedSource.__init__.__kwdefaults__["block_bytes"] = BLOCK_BYTES


def _fitted(folder: str) -> str:
    from anomaly_vae_pipelines.records import Label
    from anomaly_vae_pipelines.runs.fit import fit_file
    from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table

    train, model = write_table(Path(folder) / "train.csv", COLUMNS, orders(120)), f"{folder}/model.avae"
    small = {"max_steps": 30, "hidden_sizes": (8,), "latent_dim": 2}
    fit_file(train, model, label=Label("label", "good"), left_out=["code"], parameters=small)
    return model


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-case", type=int, help="faults of each case; all where it is left out")
    parser.add_argument("--every", type=int, default=1, help="try only every n-th case")
    parser.add_argument("--overlaps", type=int, default=50, help="pairs of runs of each format")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--model", help="a model of the tests; fitted where it is left out")
    parser.add_argument("--seed", default="", help="for --per-case")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
