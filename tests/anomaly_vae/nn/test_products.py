"""Products: a row of the result has the same bits wherever the row is in its block."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anomaly_vae.nn.products import LANES, affine, product
from anomaly_vae.nn.threads import one_thread
from tests.processor import PROCESSOR

INNER = [*range(1, 41), 64, 100, 200]
SIZES = (64, 128, 320, 1024)


def weights(n_inputs: int, n_outputs: int, generator: torch.Generator) -> list[Tensor]:
    """One weight in both memory layouts that networks have: its own, and a transposed layer's."""
    weight = torch.randn(n_inputs, n_outputs, generator=generator)
    return [weight, weight.T.contiguous().T]


@pytest.mark.parametrize(
    "n_outputs",
    [
        *(*range(1, 18), 31, 32, 33, 64, 100, 1001),
        *(pytest.param(n, marks=pytest.mark.slow) for n in (*range(18, 31), *range(34, 41))),
    ],
)
@torch.no_grad()
@one_thread()
def test_a_row_has_the_same_bits_in_every_block_and_position(n_outputs: int) -> None:
    """For every width, in both layouts, with and without a bias."""
    generator = torch.Generator().manual_seed(n_outputs)
    bias = torch.randn(n_outputs, generator=generator)
    for n_inputs in INNER:
        x = torch.randn(SIZES[-1], n_inputs, generator=generator)
        for weight in weights(n_inputs, n_outputs, generator):
            whole, shifted = product(x, weight), affine(x, weight, bias)
            for n_rows in SIZES:
                rows = torch.randperm(len(x), generator=generator)[:n_rows]
                where = f"{n_inputs} x {n_outputs}, {n_rows} rows, {PROCESSOR}"
                assert torch.equal(product(x[rows], weight), whole[rows]), where
                assert torch.equal(affine(x[rows], weight, bias), shifted[rows]), where


@pytest.mark.parametrize("n_outputs", [1, 5, LANES, LANES + 1, 100])
def test_a_product_is_that_of_torch(n_outputs: int) -> None:
    """To the precision of float32, with gradients enabled and without."""
    generator = torch.Generator().manual_seed(0)
    x, bias = torch.randn(64, 30, generator=generator), torch.randn(n_outputs, generator=generator)
    for weight in weights(30, n_outputs, generator):
        for enabled in (True, False):
            with torch.set_grad_enabled(enabled):
                torch.testing.assert_close(product(x, weight), x @ weight)
                torch.testing.assert_close(affine(x, weight, bias), x @ weight + bias)


def test_gradients_reach_the_weight() -> None:
    """Training goes through the same function."""
    weight = torch.ones(30, 5, requires_grad=True)
    product(torch.ones(64, 30), weight).sum().backward()
    assert weight.grad is not None
    assert (weight.grad == 64).all()
