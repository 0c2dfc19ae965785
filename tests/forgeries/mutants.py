"""Mutants of model files: each is given by a kind of model, a kind of mutation and a number."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from tests.anomaly_vae import forging
from tests.forgeries import arrays, descriptions, files, schemas, states
from tests.forgeries.models import KINDS, Sample, samples

Mutation = Callable[[Random, Sample, list[Sample]], bytes]

MUTATIONS: dict[str, Mutation] = {
    "bits": files.bits,
    "bits, CRC right": files.repaired,
    "members": files.members,
    "npy headers": arrays.headers,
    "array values": arrays.values,
    "schema values": schemas.leaves,
    "schema nodes": schemas.nodes,
    "states": states.states,
    "metadata": descriptions.metadata,
}
"""Kinds of mutations by name."""

# Forged states are the attack that finds most: twice as many.
_TURNS = [*MUTATIONS, "states"]


class Job(NamedTuple):
    """One mutant to make and to judge."""

    kind: str
    mutation: str
    number: int
    seed: int = 0


class Mutant(NamedTuple):
    """A forged file, and the genuine one that it was made from."""

    content: bytes
    sample: Sample


def jobs(count: int, seed: int = 0) -> list[Job]:
    """As many jobs, spread over all kinds of models and mutations."""
    kinds = list(KINDS)
    return [Job(kinds[i % len(kinds)], _TURNS[i // len(kinds) % len(_TURNS)], i, seed) for i in range(count)]


def mutant(job: Job) -> Mutant:
    """The mutant of a job, which is the same in every call."""
    random = Random(f"{job.seed}/{job.kind}/{job.mutation}/{job.number}")
    forging.restart_ids()
    own = samples(job.kind)
    sample = own[0] if random.random() < 0.3 else random.choice(own)
    others = samples(random.choice(list(KINDS)))
    return Mutant(MUTATIONS[job.mutation](random, sample, others), sample)
