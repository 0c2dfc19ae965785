"""Scoring in fixed blocks: rows in, float64 nats out; a row's score depends on that row alone.

The last bits of a float32 matrix product depend on how the rows are grouped: BLAS uses different code for
one row than for many. So every product has a multiple of ``QUANTUM`` rows, padded with zeros, and a padded
number of columns (``anomaly_vae.nn.products``). A row then has the same bits in every position, on one
machine with one set of libraries.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomaly_vae.nn.threads import one_thread
from anomaly_vae.nn.vae import VAE, Density
from anomaly_vae.runtime import blocks

QUANTUM = 64
BLOCK = 4096


def for_each_block(n_rows: int, work: Callable[[slice], None], size: int = BLOCK) -> None:
    """Call ``work`` for every block of ``size`` rows, on as many threads as there are available cores.

    Each thread works on a block of its own, in which torch uses one thread: a block is too small to be
    divided. If blocks fail, the error of the first one in row order is raised.
    """

    def alone(rows: slice) -> None:
        with one_thread():
            work(rows)

    blocks.for_each_block(n_rows, alone, size)


def padded(cells: NDArray[np.float32], device: torch.device) -> Tensor:
    """The rows on the device, padded with rows of zeros to a multiple of ``QUANTUM``."""
    n_rows = -(-len(cells) // QUANTUM) * QUANTUM
    block = np.zeros((n_rows, cells.shape[1]), dtype=np.float32)
    block[: len(cells)] = cells
    return torch.from_numpy(block).to(device)


@torch.no_grad()
def elbo_terms(module: Density, block: Tensor, noise: Tensor) -> NDArray[np.float64]:
    """Terms of the ELBO of a padded block, the latent term last, shape (n_rows, n_features + 1), in nats."""
    elbo = module.antithetic_elbo(block, noise)
    terms = torch.cat([elbo.features, elbo.latent[:, None]], dim=1)
    return terms.double().cpu().numpy()


@torch.no_grad()
def elbo_totals(module: Density, block: Tensor, noise: Tensor) -> NDArray[np.float64]:
    """The ELBO of a padded block, shape (n_rows,), in nats: the sum of its terms, in double precision."""
    elbo = module.antithetic_elbo(block, noise)
    totals: NDArray[np.float64] = (elbo.features.double().sum(dim=1) + elbo.latent).cpu().numpy()
    return totals


@torch.no_grad()
def distance_contributions(module: VAE, block: Tensor) -> NDArray[np.float64]:
    """Contribution of each number to the distance of a row from the nearest centre of the prior, in nats.

    Shape (n_rows, n_numeric). The cost of the distance is divided among the numbers in proportion to the
    squared difference of the two expected rows.
    """
    mean, _ = module.encode(block)
    exemplar, cost = module.prior.nearest(mean)
    n = module.likelihood.n_numeric
    difference = (module.decode(mean) - module.decode(exemplar))[:, :n].double().square()
    share = difference / difference.sum(dim=1, keepdim=True).clamp_min(1e-300)
    return (cost.double()[:, None] * share).cpu().numpy()
