"""Scoring in fixed blocks: rows in, float64 nats out; a row's score depends on that row alone.

The last bits of a float32 matrix product depend on how the rows are grouped: a single row goes
through other code than many. So every product has a multiple of ``QUANTUM`` rows, filled up with
zeros, and a row's result is the same bit for bit wherever it stands.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomaly_vae.nn.vae import VAE

QUANTUM = 64
BLOCK = 2048


def blocks(n_rows: int) -> list[slice]:
    """The rows in blocks that bound the memory of scoring."""
    return [slice(start, min(start + BLOCK, n_rows)) for start in range(0, n_rows, BLOCK)]


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
