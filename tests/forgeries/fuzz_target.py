"""What atheris runs: bytes are a model file, and loading it may only refuse it, in one line and in time.

Run by `tests.forgeries.fuzz` with the arguments of libFuzzer; files that break something go to $FOUND, one of
each kind, and the run goes on. What ends the process is left to libFuzzer, which keeps the file.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import warnings
from pathlib import Path
from random import Random

os.environ["OMP_NUM_THREADS"] = "1"

import atheris

with atheris.instrument_imports(include=["anomaly_vae", "skops.io"], enable_loader_override=False):
    import anomaly_vae

    # All of it now, or what `load` imports later would be neither instrumented nor counted as covered.
    for module in pkgutil.walk_packages(anomaly_vae.__path__, "anomaly_vae."):
        importlib.import_module(module.name)

from tests.anomaly_vae.forging import Members, unzipped, zipped
from tests.forgeries.judge import judge_load
from tests.forgeries.models import CORPUS, Sample
from tests.forgeries.mutants import MUTATIONS

_FOUND = Path(os.environ["FOUND"])
_PATH = Path(os.environ["SCRATCH"]) / f"{os.getpid()}"
_MOST = 2**18
_RAW_SHARE = 0.05
_GENUINE = [path.read_bytes() for path in sorted(CORPUS.iterdir()) if not path.name.startswith("found-")]


def test_one(data: bytes) -> None:
    """Load a file; keep it where that broke something of a kind that was not seen before."""
    _PATH.write_bytes(data)
    outcome = judge_load(_PATH)
    if outcome.verdict.is_breach:
        file = _FOUND / f"{outcome.digest}.avae"
        if not file.exists():
            file.write_bytes(data)


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """A mutant of a file: one of ours, or bytes of one member or of all changed by libFuzzer.

    A file that is not a model file any longer teaches little: a genuine one is mutated in its place.
    """
    random = Random(seed)
    if random.random() < _RAW_SHARE:
        return bytes(atheris.Mutate(data, most))
    for base in (data, random.choice(_GENUINE)):
        try:
            changed = random.choice((_ours, _ours, _member))(random, base)
        except Exception:  # a parser of ours gave up on it
            continue
        if len(changed) <= most:
            return changed
    return data


def _ours(random: Random, data: bytes) -> bytes:
    """One of the mutations that `make mutants` tries."""
    sample = Sample("", data, None)
    return random.choice(list(MUTATIONS.values()))(random, sample, [sample])


def _member(random: Random, data: bytes) -> bytes:
    """Bytes of one member changed under right checksums."""
    members = unzipped(data)
    name = random.choice(["schema.json", "metadata.json", random.choice(sorted(members))])
    content = members.get(name, b"{}")
    return zipped(members | {name: bytes(atheris.Mutate(content, len(content) + 256))})


def cross(one: bytes, other: bytes, most: int, seed: int) -> bytes:
    """One file with some members of another."""
    random = Random(seed)
    try:
        theirs: Members = {name: data for name, data in unzipped(other).items() if random.random() < 0.2}
        crossed = zipped(unzipped(one) | theirs)
    except Exception:
        return one
    return crossed if len(crossed) <= most else one


def main() -> None:
    """Fuzz until libFuzzer's limits are met."""
    warnings.simplefilter("ignore")
    arguments = [sys.argv[0], f"-max_len={_MOST}", *sys.argv[1:]]
    atheris.Setup(arguments, test_one, custom_mutator=mutate, custom_crossover=cross)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
