"""Priors p(z), and the latent term of the ELBO for each of them.

Calling a prior returns E_q[log p(z)] + H(q), or a lower bound on it, per row for q = N(mean, exp(log_var)).
"""

from __future__ import annotations

import math
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from anomaly_vae.nn.products import product

_PART = 256
"""Codes that are compared with all exemplars at a time; larger products would not fit into a core's cache."""


class StandardNormal(nn.Module):
    """p(z) = N(0, I): the decoder maps a standard Gaussian to normal rows."""

    def forward(self, mean: Tensor, log_var: Tensor) -> Tensor:
        """-KL(q || p) in nats, shape (n_rows,); Kingma & Welling (2013), appendix B."""
        return -0.5 * (mean.square() + log_var.exp() - 1.0 - log_var).sum(dim=1)

    def nearest(self, mean: Tensor) -> tuple[Tensor, Tensor]:
        """The centre (n_rows, latent_dim), and the cost of the distance from it in nats (n_rows,)."""
        return torch.zeros_like(mean), -0.5 * mean.square().sum(dim=1)


class ExemplarPrior(nn.Module):
    """p(z) = mean over k of N(z; exemplar_k, variance): normal rows are near codes of training rows.

    The aggregate posterior as a prior (Tomczak & Welling 2018; Norouzi et al. 2020), with a fixed number of
    exemplars. The posterior over exemplars is concentrated on the nearest one, so that the latent term is a
    lower bound and costs one matrix product.

    Parameters
    ----------
    exemplars : Tensor of shape (n_exemplars, latent_dim)
    variance : Tensor of shape (latent_dim,)
        Variance of every component.
    """

    exemplars: Tensor
    variance: Tensor

    def __init__(self, exemplars: Tensor, variance: Tensor) -> None:
        super().__init__()
        self.register_buffer("exemplars", exemplars)
        self.register_buffer("variance", variance)

    def forward(self, mean: Tensor, log_var: Tensor) -> Tensor:
        """Lower bound on E_q[log p(z)] + H(q) in nats, shape (n_rows,)."""
        codes = mean / self.variance.sqrt()
        parts = torch.split(pad(codes, (0, 1), value=1.0), _PART)
        closeness = torch.cat([product(part, self._factors).amax(dim=1) for part in parts])
        distance = _squared_distance(codes, closeness)
        ratio = log_var.exp() / self.variance
        spread = 0.5 * (1.0 - ratio + log_var - self.variance.log()).sum(dim=1)
        return spread - 0.5 * distance - math.log(len(self.exemplars))

    def nearest(self, mean: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest exemplar (n_rows, latent_dim), and the cost of its distance in nats (n_rows,)."""
        codes = mean / self.variance.sqrt()
        closest = product(pad(codes, (0, 1), value=1.0), self._factors).max(dim=1)
        return self.exemplars[closest.indices], -0.5 * _squared_distance(codes, closest.values)

    @cached_property
    def _factors(self) -> Tensor:
        """The matrix that multiplies codes a with a 1 appended, shape (latent_dim + 1, n_exemplars).

        The product is a b - |b|^2 / 2, largest for the nearest exemplar b. The offset is a row of the
        matrix, because adding it to the product would first copy it for every code.
        """
        exemplars = self.exemplars / self.variance.sqrt()
        offsets = -0.5 * exemplars.square().sum(dim=1, keepdim=True)
        return torch.cat([exemplars, offsets], dim=1).T.contiguous()


def _squared_distance(codes: Tensor, closeness: Tensor) -> Tensor:
    """|a - b|^2 = |a|^2 - 2 (a b - |b|^2 / 2)."""
    return (codes.square().sum(dim=1) - 2.0 * closeness).clamp_min(0.0)
