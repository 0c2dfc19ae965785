"""Fast samples: some blocks of files, spread at random, so that most of the files is not read.

It is a cluster sample: rows of a block are neighbours in the file, and alike if the file is sorted, so that
the sample says less than a uniform one of as many rows, and rare values may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from anomaly_vae.sampling.rows import row_keys
from anomaly_vae_pipelines.sources.blocks import Block, Source
from anomaly_vae_pipelines.sources.image_inputs import Inputs

LEAST_CLUSTERS = 10
"""At least this many blocks are read, if there are as many."""


class ChosenBlocks(NamedTuple):
    """The numbers of the blocks to read of each file, ascending, and the number of all blocks."""

    of_files: list[list[int]]
    n_all: int

    @property
    def n_chosen(self) -> int:
        """Number of blocks to read."""
        return sum(map(len, self.of_files))


def choose_blocks(inputs: Inputs, n_rows: int, seed: int) -> ChosenBlocks:
    """Draw blocks of all files, without replacement, until they have about ``n_rows`` rows.

    Each block is as likely as another. Raises SourceError for files that can only be read from their start.
    """
    sizes: list[list[int]] = []
    for number in range(len(inputs.names)):
        with inputs.open(number) as source:
            sizes.append(source.clusters())
    rows = np.array(list(chain.from_iterable(sizes)), dtype=np.int64)
    order = np.argsort(row_keys(np.arange(len(rows)), seed), kind="stable")
    n_chosen = int(np.searchsorted(np.cumsum(rows[order]), n_rows)) + 1
    chosen = np.sort(order[: max(n_chosen, LEAST_CLUSTERS)])
    ends = np.cumsum([0, *map(len, sizes)])
    parts = np.split(chosen, np.searchsorted(chosen, ends[1:-1]))
    of_files = [(part - start).tolist() for part, start in zip(parts, ends, strict=False)]
    return ChosenBlocks(of_files, len(rows))


def blocks_of(source: Source, numbers: list[int]) -> Iterator[Block]:
    """Read some blocks of a file."""
    return chain.from_iterable(map(source.cluster, numbers))
