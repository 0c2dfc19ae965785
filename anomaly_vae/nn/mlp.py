"""ResidualMLP: a linear map plus a small network that starts at zero.

Initially the module is equal to its linear map, so that training can start from a closed-form solution.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from anomaly_vae.nn.products import affine


class _Linear(nn.Linear):
    """A layer that ``ResidualMLP`` initialises, because torch would draw from its global generator."""

    def reset_parameters(self) -> None:
        """Do nothing."""


class ResidualMLP(nn.Module):
    """x -> x W + b + MLP(x), with SiLU units.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Widths of x and of the result.
    hidden_sizes : sequence of int
        Widths of the hidden layers of the MLP; if there are none, the module is linear.
    """

    def __init__(self, n_inputs: int, n_outputs: int, hidden_sizes: Sequence[int]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_inputs, n_outputs))
        self.bias = nn.Parameter(torch.zeros(n_outputs))
        sizes = [n_inputs, *hidden_sizes, n_outputs] if hidden_sizes else []
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(pairwise(sizes)):
            layers += [nn.SiLU()] if i else []
            layers.append(_Linear(before, after))
        self.residual = nn.Sequential(*layers) if layers else None

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw the hidden layers (He et al. 2015) and set the last one to zero."""
        if self.residual is None:
            return
        layers = [layer for layer in self.residual if isinstance(layer, nn.Linear)]
        for layer in layers:
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(layers[-1].weight)

    def forward(self, x: Tensor) -> Tensor:
        """Result of shape (n_rows, n_outputs) for x of shape (n_rows, n_inputs)."""
        linear = affine(x, self.weight, self.bias)
        if self.residual is None:
            return linear
        *hidden, last = self.residual
        for layer in hidden:
            x = affine(x, layer.weight.T, layer.bias) if isinstance(layer, nn.Linear) else layer(x)
        assert isinstance(last, nn.Linear)
        return linear + affine(x, last.weight.T, last.bias)
