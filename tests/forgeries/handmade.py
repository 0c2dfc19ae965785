"""Judge the forgeries made by hand: those that broke a release, and those that might break one.

    python -m tests.forgeries.handmade [known | red_team] [NAME ...]

Each is judged in a process of its own; a JSON line for each says what came of it.
"""

from __future__ import annotations

import json
import os
import sys

# One thread each: a process that has started threads cannot be forked safely.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from tests.forgeries import known, red_team
from tests.forgeries.making import made, names
from tests.forgeries.models import KINDS, samples
from tests.forgeries.workers import judge_all

_MODULES = {"known": known.__name__, "red_team": red_team.__name__}


def main() -> int:
    """Judge all forgeries, those of a module, or those of these names."""
    words = sys.argv[1:]
    modules = [_MODULES[word] for word in words if word in _MODULES]
    chosen = [name for module in modules for name in names(module)] or words or names()
    for kind in KINDS:
        samples(kind)
    for number, outcome in judge_all(range(len(chosen)), lambda number: made(chosen[number]), n_workers=2):
        sys.stdout.write(json.dumps({"name": chosen[number], **outcome._asdict()}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
