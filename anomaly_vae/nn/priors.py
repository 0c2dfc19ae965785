"""Priors p(z): what the code of a normal row looks like, and the latent term of the ELBO under each.

A prior answers E_q[log p(z)] + H(q), or a lower bound on it, for q = N(mean, exp(log_var)) row by row.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class StandardNormal(nn.Module):
    """p(z) = N(0, I): normal rows are wherever the decoder maps a Gaussian to."""

    def forward(self, mean: Tensor, log_var: Tensor) -> Tensor:
        """-KL(q || p) in nats, shape (n_rows,); Kingma & Welling (2013), appendix B."""
        return -0.5 * (mean.square() + log_var.exp() - 1.0 - log_var).sum(dim=1)


class ExemplarPrior(nn.Module):
    """p(z) = mean over k of N(z; exemplar_k, variance): normal rows are near codes that were seen.

    The aggregate posterior as a prior (Tomczak & Welling 2018; Norouzi et al. 2020), its exemplars
    compressed to a fixed number. The posterior over exemplars is put on the nearest one, so that the
    latent term is a lower bound and costs one matrix product.

    Parameters
    ----------
    exemplars : Tensor of shape (n_exemplars, latent_dim)
    variance : Tensor of shape (latent_dim,)
        Of every component.
    """

    exemplars: Tensor
    variance: Tensor

    def __init__(self, exemplars: Tensor, variance: Tensor) -> None:
        super().__init__()
        self.register_buffer("exemplars", exemplars)
        self.register_buffer("variance", variance)

    def forward(self, mean: Tensor, log_var: Tensor) -> Tensor:
        """Lower bound on E_q[log p(z)] + H(q) in nats, shape (n_rows,)."""
        scale = self.variance.sqrt()
        codes, exemplars = mean / scale, self.exemplars / scale
        # |a - b|^2 = |a|^2 - 2 (a b - |b|^2 / 2); the largest bracket belongs to the nearest exemplar.
        closeness = torch.addmm(-0.5 * exemplars.square().sum(dim=1), codes, exemplars.T).amax(dim=1)
        distance = (codes.square().sum(dim=1) - 2.0 * closeness).clamp_min(0.0)
        ratio = log_var.exp() / self.variance
        spread = 0.5 * (1.0 - ratio + log_var - self.variance.log()).sum(dim=1)
        return spread - 0.5 * distance - math.log(len(self.exemplars))
