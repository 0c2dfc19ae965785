"""AdamW: the optimizer of PyTorch by its functional API, which imports less.

The first ``torch.optim.Optimizer`` of a process imports the compiler of PyTorch: 800 modules, 65 MB of memory
and about a second, which is long beside the fit of a small table.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw

_BETAS, _EPS = (0.9, 0.999), 1e-8
"""The defaults of ``torch.optim.AdamW``."""


class AdamW:
    """Updates tensors by their gradients, as ``torch.optim.AdamW`` with ``fused=True`` does.

    Parameters
    ----------
    groups : sequence of (sequence of Tensor, float)
        Tensors that require gradients, and their weight decay.
    """

    def __init__(self, groups: Sequence[tuple[Sequence[Tensor], float]]) -> None:
        self._groups = [_Group(tensors, decay) for tensors, decay in groups if tensors]

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Update each tensor that has a gradient."""
        for group in self._groups:
            group.step(learning_rate)


class _Group:
    """Tensors with one weight decay, and their moving averages."""

    def __init__(self, tensors: Sequence[Tensor], weight_decay: float) -> None:
        self._tensors, self._weight_decay = tensors, weight_decay
        self._means = [torch.zeros_like(tensor) for tensor in tensors]
        self._squares = [torch.zeros_like(tensor) for tensor in tensors]
        self._steps = [torch.zeros((), dtype=torch.float32, device=tensor.device) for tensor in tensors]

    def step(self, learning_rate: float) -> None:
        found = [j for j, tensor in enumerate(self._tensors) if tensor.grad is not None]
        states = (self._means, self._squares, self._steps)
        means, squares, steps = ([state[j] for j in found] for state in states)
        tensors = [self._tensors[j] for j in found]
        gradients = [tensor.grad for tensor in tensors if tensor.grad is not None]
        adamw(
            tensors, gradients, means, squares, [], steps, fused=True, amsgrad=False, beta1=_BETAS[0],
            beta2=_BETAS[1], lr=learning_rate, weight_decay=self._weight_decay, eps=_EPS, maximize=False,
        )  # fmt: skip
