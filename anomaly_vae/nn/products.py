"""product: a matrix product in which a row of the result has the same bits wherever the row is.

Float32 matrix products round differently in the kernels that a BLAS chooses for narrow results. With MKL on
an AMD processor with AVX-512, a result of 2 to 11 columns depends on the position of the row in its block.
With a multiple of 16 columns, which is one full vector register, every row is computed by the same code. So
narrow weights are padded with columns of zeros. ``tests/anomaly_vae/nn/test_products.py`` checks this on the
processor of the test run.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

LANES = 16
"""Floats in one 512-bit register: the width of a result is a multiple of it."""


def product(x: Tensor, weight: Tensor) -> Tensor:
    """The product ``x @ weight``, shape (n_rows, n_outputs), independent of the position of a row.

    Parameters
    ----------
    x : Tensor of shape (n_rows, n_inputs)
        A multiple of 64 rows, as from ``anomaly_vae.scoring.padded``: BLAS has other kernels for few rows.
    weight : Tensor of shape (n_inputs, n_outputs)

    Notes
    -----
    With gradients enabled the weight is not padded: training does not need it, and it would slow each step.
    """
    n_outputs = weight.shape[1]
    return (x @ _widened(weight))[:, :n_outputs]


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The product plus a bias of shape (n_outputs,), independent of the position of a row."""
    n_outputs = weight.shape[1]
    return torch.addmm(_widened(bias[None])[0], x, _widened(weight))[:, :n_outputs]


def _widened(weight: Tensor) -> Tensor:
    """The weight, padded with columns of zeros to a multiple of ``LANES``, in its own memory layout."""
    n_missing = -weight.shape[1] % LANES
    if n_missing == 0 or torch.is_grad_enabled():
        return weight
    if weight.is_contiguous():
        return pad(weight, (0, n_missing))
    return pad(weight.T, (0, 0, 0, n_missing)).T
