"""Scoring in fixed blocks: rows in, float64 nats out; a row's score depends on that row alone.

The last bits of a float32 matrix product depend on how the rows are grouped: a single row goes
through other code than many. So every product has a multiple of ``QUANTUM`` rows, filled up with
zeros, and a full width of columns (``anomaly_vae.nn.products``). A row then has the same bits in
every position, on one machine with one set of libraries.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomaly_vae.nn.priors import ExemplarPrior
from anomaly_vae.nn.threads import one_thread
from anomaly_vae.nn.vae import VAE

QUANTUM = 64
BLOCK = 4096


def blocks(n_rows: int, size: int = BLOCK) -> list[slice]:
    """The rows in blocks that bound the memory of scoring."""
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def for_each_block(n_rows: int, work: Callable[[slice], None], size: int = BLOCK) -> None:
    """Do ``work`` on every block of ``size`` rows, on as many threads as there are cores to use.

    Each thread has a block to itself and torch one thread in it: a block is too small to be shared.
    What fails in a block is raised, of several the first in order of the rows.
    """

    def alone(rows: slice) -> None:
        with one_thread():
            work(rows)

    pending = blocks(n_rows, size)
    # torch's own limit, set by OMP_NUM_THREADS or by hand, holds here too. Counting cores reads files.
    n_threads = min(torch.get_num_threads(), len(pending))
    n_threads = min(joblib.cpu_count(), n_threads) if n_threads > 1 else 1
    if n_threads <= 1:
        for rows in pending:
            alone(rows)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        for _ in pool.map(alone, pending):
            pass


def padded(cells: NDArray[np.float32], device: torch.device) -> Tensor:
    """The rows on the device, rows of zeros appended up to a multiple of ``QUANTUM``."""
    n_rows = -(-len(cells) // QUANTUM) * QUANTUM
    block = np.zeros((n_rows, cells.shape[1]), dtype=np.float32)
    block[: len(cells)] = cells
    return torch.from_numpy(block).to(device)


@torch.no_grad()
def elbo_terms(module: VAE, block: Tensor, noise: Tensor) -> NDArray[np.float64]:
    """Terms of the bound of a padded block, the latent one last, shape (n_rows, n_features + 1), in nats."""
    elbo = module.antithetic_elbo(block, noise)
    terms = torch.cat([elbo.features, elbo.latent[:, None]], dim=1)
    return terms.double().cpu().numpy()


@torch.no_grad()
def elbo_totals(module: VAE, block: Tensor, noise: Tensor) -> NDArray[np.float64]:
    """The bound of a padded block, shape (n_rows,), in nats: the sum of its terms, in double precision."""
    elbo = module.antithetic_elbo(block, noise)
    totals: NDArray[np.float64] = (elbo.features.double().sum(dim=1) + elbo.latent).cpu().numpy()
    return totals


@torch.no_grad()
def exemplar_contributions(module: VAE, prior: ExemplarPrior, block: Tensor) -> NDArray[np.float64]:
    """What the distance of each row from its nearest exemplar costs, number by number, in nats.

    Shape (n_rows, n_numeric). The cost is shared among the numbers by the squared difference of the
    two expected rows.
    """
    mean, _ = module.encode(block)
    exemplar, cost = prior.nearest(mean)
    n = module.likelihood.n_numeric
    difference = (module.decode(mean) - module.decode(exemplar))[:, :n].double().square()
    share = difference / difference.sum(dim=1, keepdim=True).clamp_min(1e-300)
    return (cost.double()[:, None] * share).cpu().numpy()
