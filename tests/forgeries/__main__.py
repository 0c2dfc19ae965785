"""Make mutants of model files, judge them, and print the outcomes; exit 1 on any breach.

python -m tests.forgeries --mutants 20000 --seed 0 --keep breaches/
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# One thread each: a process that has started threads cannot be forked safely.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from tests.forgeries.judge import Verdict
from tests.forgeries.models import KINDS, samples
from tests.forgeries.mutants import MUTATIONS, Job, jobs, mutant
from tests.forgeries.workers import Judged, judge_all

_KEPT_OF_A_KIND = 3


def main() -> int:
    """Run as the arguments say; the number of breaches decides the exit code."""
    options = _options()
    started = time.perf_counter()
    for kind in KINDS:
        samples(kind)
    broken = _broken_samples()
    if broken:
        sys.stdout.write("genuine files do not score here:\n" + "".join(f"  {line}\n" for line in broken))
        return 2
    made, todo = time.perf_counter(), jobs(options.mutants, options.seed)
    judged = _judged(todo, options.workers)
    taken = time.perf_counter() - made
    _print_tables(todo, judged)
    breaches = [item for item in judged if item.outcome.verdict.is_breach]
    _print_breaches(todo, breaches)
    if options.keep:
        _keep(Path(options.keep), todo, breaches)
    resealed = sum(item.outcome.resealed for item in judged)
    sys.stdout.write(
        f"\n{len(judged):,} mutants, {len(breaches):,} breaches; {resealed:,} with a forged self-test; "
        f"seed {options.seed}; {taken:.0f} s, {len(judged) / taken:.0f} a second, "
        f"after {made - started:.0f} s of fitting\n"
    )
    return 1 if breaches else 0


def _judged(todo: list[Job], n_workers: int) -> list[Judged]:
    """The outcome of each job; after Ctrl-C, of the jobs that are done."""
    judged = []
    try:
        for item in judge_all(range(len(todo)), lambda number: _file(todo[number]), n_workers):
            judged.append(item)
            if len(judged) % 1_000 == 0:
                n_breaches = sum(one.outcome.verdict.is_breach for one in judged)
                sys.stderr.write(f"{len(judged):,} of {len(todo):,}, {n_breaches:,} breaches\n")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; these are done:\n")
    return judged


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.forgeries", description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", metavar="FOLDER", help="write files that broke something here")
    return parser.parse_args()


def _file(job: Job) -> tuple[bytes, Any]:
    made = mutant(job)
    return made.content, made.sample.rows


def _broken_samples() -> list[str]:
    """Genuine files that are not scored: if there is one, the verdicts are meaningless."""
    genuine = [sample for kind in KINDS for sample in samples(kind)]
    judged = judge_all(range(len(genuine)), lambda number: (genuine[number].content, genuine[number].rows))
    return [
        f"{genuine[number].name}: {outcome.verdict}: {outcome.reason}"
        for number, outcome in judged
        if outcome.verdict is not Verdict.SCORED
    ]


def _print_tables(todo: list[Job], judged: Iterable[Judged]) -> None:
    """For each kind of model a table of mutations and verdicts."""
    counts: dict[str, dict[str, Counter[Verdict]]] = defaultdict(lambda: defaultdict(Counter))
    for number, outcome in judged:
        counts[todo[number].kind][todo[number].mutation][outcome.verdict] += 1
    for kind, rows in counts.items():
        sys.stdout.write(f"\n{kind:18}" + "".join(f"{verdict:>13}" for verdict in Verdict) + "\n")
        for mutation in MUTATIONS:
            cells = (rows[mutation][verdict] for verdict in Verdict)
            sys.stdout.write(f"  {mutation:16}" + "".join(f"{count or '.':>13}" for count in cells) + "\n")


def _print_breaches(todo: list[Job], breaches: Iterable[Judged]) -> None:
    """Breaches by what they have in common, the most frequent first, each with one mutant as an example."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for item in breaches:
        groups[item.outcome.signature].append(item)
    for signature, items in sorted(groups.items(), key=lambda group: -len(group[1])):
        example, reason = _name(todo[items[0].number]), items[0].outcome.reason[:300]
        sys.stdout.write(f"\n{len(items):5} x {signature}\n        such as {example}: {reason}\n")


def _name(job: Job) -> str:
    return f"{job.kind}-{re.sub(r'[^a-z]+', '-', job.mutation.lower())}-{job.seed}-{job.number}"


def _keep(folder: Path, todo: list[Job], breaches: Iterable[Judged]) -> None:
    """Write a few files of each breach, each with its reason."""
    folder.mkdir(parents=True, exist_ok=True)
    kept: Counter[str] = Counter()
    for item in breaches:
        signature, job = item.outcome.signature, todo[item.number]
        kept[signature] += 1
        if kept[signature] > _KEPT_OF_A_KIND:
            continue
        made = mutant(job)
        (folder / f"{_name(job)}.avae").write_bytes(made.content)
        told = {**item.outcome._asdict(), "sample": made.sample.name}
        (folder / f"{_name(job)}.json").write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    sys.exit(main())
