"""Judge forgeries made by hand, those that broke a release and those that might; or the corpus.

    python -m tests.forgeries.handmade [known | red_team | corpus] [NAME ...]

Each is judged in a process of its own; the outcome of each is a line of JSON.
"""

from __future__ import annotations

import json
import os
import sys

# One thread each: a process that has started threads cannot be forked safely.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from tests.forgeries import known, red_team
from tests.forgeries.judge import judge, judge_load
from tests.forgeries.making import made, names
from tests.forgeries.models import CORPUS, KINDS, samples
from tests.forgeries.workers import Judge, Make, judge_all

_MODULES = {"known": known.__name__, "red_team": red_team.__name__}


def main() -> int:
    """Judge all forgeries, those of a module, or those of these names."""
    words = sys.argv[1:]
    if words == ["corpus"]:
        files = sorted(CORPUS.iterdir())
        _tell([file.name for file in files], lambda number: (files[number].read_bytes(), None), judge_load)
        return 0
    modules = [_MODULES[word] for word in words if word in _MODULES]
    chosen = [name for module in modules for name in names(module)] or words or names()
    for kind in KINDS:
        samples(kind)
    _tell(chosen, lambda number: made(chosen[number]), judge)
    return 0


def _tell(chosen: list[str], make: Make, judged_by: Judge) -> None:
    for number, outcome in judge_all(range(len(chosen)), make, n_workers=2, judge=judged_by):
        sys.stdout.write(json.dumps({"name": chosen[number], **outcome._asdict()}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
