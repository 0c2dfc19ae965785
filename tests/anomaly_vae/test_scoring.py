"""Scoring: a row's terms are the same bit for bit wherever the row stands."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly_vae.nn.likelihoods import TableLikelihood
from anomaly_vae.nn.ppca import fit_ppca
from anomaly_vae.nn.threads import one_thread
from anomaly_vae.nn.vae import VAE
from anomaly_vae.runtime.blocks import blocks
from anomaly_vae.scoring import BLOCK, QUANTUM, elbo_terms, padded

LAW = settings(deadline=None, max_examples=40, derandomize=True)

CPU = torch.device("cpu")
N_ROWS = BLOCK + 150


@functools.cache
def case(width: int) -> tuple[VAE, NDArray[np.float32]]:
    """A network of ``width`` numbers and two categories with no zero weight, and rows with holes."""
    generator = torch.Generator().manual_seed(width)
    likelihood = TableLikelihood(width, [2, 5], 0.05, 500)
    likelihood.observe(np.repeat([0.5, 0.2], [2, 5]), np.ones(width + 2, dtype=bool))
    module = VAE(likelihood, min(width, 6), (2 * width + 3, 17))
    module.start(fit_ppca(torch.randn(100, width + 7, generator=generator), min(width, 6), 0.01), generator)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    rows = torch.randn(N_ROWS, width + 7, generator=generator).numpy()
    rows[::7, 0] = np.nan
    return module, rows


@one_thread()
def terms(width: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Terms of these rows of a case, scored in one block."""
    module, cells = case(width)
    noise = torch.linspace(-1.0, 1.0, module.latent_dim)
    return elbo_terms(module, padded(cells[rows], CPU), noise)[: len(rows)]


@functools.cache
def in_blocks(width: int) -> NDArray[np.float64]:
    """Terms of all rows of a case, scored block by block as a detector does."""
    return np.concatenate([terms(width, np.arange(N_ROWS)[rows]) for rows in blocks(N_ROWS, BLOCK)])


# ----------------------------------------------------------------------------------- independence of rows
@pytest.mark.parametrize("width", range(1, 41))
def test_a_row_scores_the_same_alone_and_among_others(width: int) -> None:
    """For every width a row alone, in a small block, in a large one and in blocks has the same bits."""
    whole = in_blocks(width)
    for rows in ([0], [5], [N_ROWS - 1], np.arange(63), np.arange(64), np.arange(65), np.arange(1000)):
        np.testing.assert_array_equal(terms(width, np.asarray(rows)), whole[rows])
    np.testing.assert_array_equal(terms(width, np.arange(N_ROWS)), whole)


@LAW
@given(width=st.integers(1, 40), n_rows=st.integers(1, N_ROWS), seed=st.integers(0, 10**6))
def test_the_order_and_the_company_of_rows_do_not_matter(width: int, n_rows: int, seed: int) -> None:
    """Any rows in any order, some of them twice, have the bits that they have in their place."""
    rows = np.random.default_rng(seed).integers(0, N_ROWS, n_rows)
    np.testing.assert_array_equal(terms(width, rows), in_blocks(width)[rows])


@LAW
@given(width=st.integers(1, 40), value=st.floats(-332, 332, width=32), place=st.integers(0, 62))
def test_a_wild_neighbour_does_not_matter(width: int, value: float, place: int) -> None:
    """Whatever stands in another row of the block, infinite sums included, a row keeps its bits."""
    module, cells = case(width)
    block = cells[:63].copy()
    block[place] = value
    noise = torch.linspace(-1.0, 1.0, module.latent_dim)
    with one_thread():
        scored = elbo_terms(module, padded(block, CPU), noise)[:63]
    others = np.arange(63) != place
    np.testing.assert_array_equal(scored[others], in_blocks(width)[:63][others])


def test_the_number_of_threads_does_not_matter() -> None:
    """On two threads the terms have the bits that they have on one."""
    module, cells = case(20)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        two = elbo_terms(module, padded(cells[:BLOCK], CPU), torch.linspace(-1.0, 1.0, module.latent_dim))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(two, in_blocks(20)[:BLOCK])


# ---------------------------------------------------------------------------------------- terms and blocks
def test_terms_are_those_of_the_bound() -> None:
    """Terms are the features' and last the latent one, in float64, and sum to the ELBO."""
    module, cells = case(5)
    noise = torch.linspace(-1.0, 1.0, module.latent_dim)
    scored = elbo_terms(module, padded(cells[:64], CPU), noise)
    with torch.no_grad():
        elbo = module.antithetic_elbo(torch.from_numpy(cells[:64]), noise)
    assert scored.dtype == np.float64
    assert scored.shape == (64, 5 + 2 + 1)
    np.testing.assert_array_equal(scored[:, :-1], elbo.features)
    np.testing.assert_array_equal(scored[:, -1], elbo.latent)
    np.testing.assert_allclose(scored.sum(axis=1), elbo.total(), rtol=1e-5)


def test_scoring_has_no_chance_in_it() -> None:
    """Scored again, rows have the same bits, and the global generator is where it was."""
    before = torch.random.get_rng_state()
    rows = np.arange(100)
    np.testing.assert_array_equal(terms(7, rows), terms(7, rows))
    assert torch.equal(before, torch.random.get_rng_state())


def test_scoring_leaves_no_gradient() -> None:
    """A module with gradients is scored without them."""
    module, cells = case(3)
    assert all(parameter.requires_grad for parameter in module.parameters())
    elbo_terms(module, padded(cells[:2], CPU), torch.zeros(module.latent_dim))
    assert all(parameter.grad is None for parameter in module.parameters())


@LAW
@given(n_rows=st.integers(0, 3 * QUANTUM), width=st.integers(1, 4))
def test_padding_adds_rows_of_zeros(n_rows: int, width: int) -> None:
    """A padded block has a multiple of QUANTUM rows, less than QUANTUM of them added, all zero."""
    cells = np.random.default_rng(n_rows).normal(size=(n_rows, width)).astype(np.float32)
    block = padded(cells, CPU)
    assert block.shape[0] % QUANTUM == 0
    assert 0 <= block.shape[0] - n_rows < QUANTUM
    np.testing.assert_array_equal(block[:n_rows], cells)
    assert (block[n_rows:] == 0).all()
