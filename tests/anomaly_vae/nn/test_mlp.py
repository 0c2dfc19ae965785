"""ResidualMLP: its linear map at the start, and free to leave it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from anomaly_vae.nn.mlp import ResidualMLP

SIZES = [(), (1,), (7,), (8, 5), (3, 9, 4)]


def drawn(n_inputs: int, n_outputs: int, hidden_sizes: tuple[int, ...], seed: int = 0) -> ResidualMLP:
    """A module with a random linear map and freshly drawn hidden layers."""
    generator = torch.Generator().manual_seed(seed)
    module = ResidualMLP(n_inputs, n_outputs, hidden_sizes)
    module.reset_parameters(generator)
    with torch.no_grad():
        module.weight.normal_(generator=generator)
        module.bias.normal_(generator=generator)
    return module


def rows(n_rows: int, n_cells: int) -> Tensor:
    return torch.randn(n_rows, n_cells, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("hidden_sizes", SIZES, ids=str)
def test_at_the_start_it_is_its_linear_map(hidden_sizes: tuple[int, ...]) -> None:
    """Freshly drawn, the module is x W + b exactly, whatever its hidden layers."""
    module, x = drawn(4, 3, hidden_sizes), rows(20, 4)
    torch.testing.assert_close(module(x), x @ module.weight + module.bias, rtol=0, atol=1e-6)


@pytest.mark.parametrize("hidden_sizes", SIZES[1:], ids=str)
def test_training_can_leave_the_linear_map(hidden_sizes: tuple[int, ...]) -> None:
    """The last layer has a gradient at the start, and once it moved every other layer has one."""
    module, x = drawn(4, 3, hidden_sizes), rows(50, 4)
    target = x[:, :3].square()
    (module(x) - target).square().mean().backward()
    assert module.residual is not None
    last = module.residual[-1].weight
    assert last.grad is not None
    assert last.grad.abs().max() > 0
    with torch.no_grad():
        last -= 0.1 * last.grad
    (module(x) - target).square().mean().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
    assert not torch.allclose(module(x), x @ module.weight + module.bias)


def test_without_hidden_layers_it_is_linear() -> None:
    """Without hidden layers there is a weight, a bias and nothing else."""
    assert {name for name, _ in drawn(4, 3, ()).named_parameters()} == {"weight", "bias"}


@pytest.mark.parametrize("hidden_sizes", SIZES[1:], ids=str)
def test_the_generator_is_the_only_source(hidden_sizes: tuple[int, ...]) -> None:
    """The same seed draws the same layers, another one others, and the global generator is not touched."""
    before = torch.random.get_rng_state()
    one, same, other = (drawn(4, 3, hidden_sizes, seed) for seed in (5, 5, 6))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert one.residual is not None
    assert other.residual is not None
    assert not torch.equal(one.residual[0].weight, other.residual[0].weight)


def test_hidden_layers_keep_the_variance() -> None:
    """Weights have the variance 2 / fan_in of He et al. (2015), biases are zero."""
    module = ResidualMLP(400, 1, (300, 200)).requires_grad_(False)
    module.reset_parameters(torch.Generator().manual_seed(0))
    assert module.residual is not None
    for layer, fan_in in ((module.residual[0], 400), (module.residual[2], 300)):
        assert float(layer.weight.std()) == pytest.approx(math.sqrt(2.0 / fan_in), rel=0.02)
        assert float(layer.bias.abs().max()) == 0.0
