"""AdamW without the compiler of PyTorch."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from anomaly_vae.nn.adamw import AdamW

FIT = """
import sys
import numpy as np
from anomaly_vae import TabularVAEDetector
TabularVAEDetector(max_steps=2).fit(np.random.default_rng(0).normal(size=(30, 2)))
print("torch._dynamo" in sys.modules)
"""


def test_updates_are_those_of_pytorch_to_the_last_bit():
    """With and without weight decay, at any rate, and where a tensor has no gradient for a while."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 4), (5,), (2, 2, 2)]
    ours = [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]
    theirs = [tensor.detach().clone().requires_grad_() for tensor in ours]
    optimizer = AdamW([(ours[:2], 0.1), (ours[2:], 0.0), ([], 0.5)])
    groups = [{"params": theirs[:2], "weight_decay": 0.1}, {"params": theirs[2:], "weight_decay": 0.0}]
    reference = torch.optim.AdamW(groups, lr=1.0, fused=True)
    for step in range(20):
        for one, other in zip(ours, theirs, strict=True):
            one.grad = torch.randn(one.shape, generator=generator)
            other.grad = one.grad.clone()
        if step < 5:
            ours[1].grad = theirs[1].grad = None
        rate = 0.1 / (step + 1)
        for group in reference.param_groups:
            group["lr"] = rate
        optimizer.step(rate)
        reference.step()
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one, other)


@pytest.mark.slow
def test_a_fit_does_not_import_the_compiler():
    """It takes a second and 65 MB."""
    ran = subprocess.run([sys.executable, "-c", FIT], capture_output=True, text=True, timeout=300, check=True)
    assert ran.stdout == "False\n"
