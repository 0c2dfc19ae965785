"""VAE: q(z | x), p(x | z) and the ELBO as named terms in nats.

Kingma & Welling (2013), "Auto-Encoding Variational Bayes": log p(x) >= E_q[log p(x | z)] - KL(q || p),
with a diagonal Gaussian q(z | x). Encoder and decoder are linear maps, initialised at the closed-form
solution of probabilistic PCA, plus MLPs that start at zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from anomaly_vae.nn.likelihoods import TableLikelihood
from anomaly_vae.nn.mlp import ResidualMLP
from anomaly_vae.nn.ppca import PPCA
from anomaly_vae.nn.priors import ExemplarPrior, StandardNormal
from anomaly_vae.nn.products import product
from anomaly_vae.states.architecture import LOG_VARIANCE_RANGE


class ELBO(NamedTuple):
    """A lower bound on log p(x) per row, in nats.

    Attributes
    ----------
    features : Tensor of shape (n_rows, n_features)
        E_q[log p(x_j | z)] of each feature.
    latent : Tensor of shape (n_rows,)
        -KL(q(z | x) || p(z)), or a lower bound on it.
    """

    features: Tensor
    latent: Tensor

    def total(self) -> Tensor:
        """The bound, shape (n_rows,)."""
        return self.features.sum(dim=1) + self.latent


class Density(Protocol):
    """A density of encoded rows, or a model with a bound on it."""

    def antithetic_elbo(self, x: Tensor, noise: Tensor) -> ELBO:
        """The terms of the bound of x (n_rows, n_cells), for a draw of shape (latent_dim,)."""


class VAE(nn.Module):
    """A variational autoencoder of encoded tables.

    Parameters
    ----------
    likelihood : TableLikelihood
        p(x | location).
    latent_dim : int
        Width of z.
    hidden_sizes : sequence of int
        Hidden layers of the encoder; the decoder has them in reverse.
    n_exemplars : int, default=0
        Components of an exemplar prior; if 0, the prior is N(0, I).
    """

    def __init__(
        self, likelihood: TableLikelihood, latent_dim: int, hidden_sizes: Sequence[int], n_exemplars: int = 0
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.likelihood = likelihood
        self.prior: StandardNormal | ExemplarPrior = StandardNormal()
        if n_exemplars:
            self.prior = ExemplarPrior(torch.zeros(n_exemplars, latent_dim), torch.ones(latent_dim))
        self.encoder = ResidualMLP(likelihood.n_cells, 2 * latent_dim, hidden_sizes)
        self.decoder = ResidualMLP(latent_dim, likelihood.n_cells, tuple(reversed(hidden_sizes)))

    def start(self, ppca: PPCA, generator: torch.Generator) -> None:
        """Initialise the linear maps with the closed-form solution, and draw the hidden layers."""
        self.encoder.reset_parameters(generator)
        self.decoder.reset_parameters(generator)
        weights = ppca.posterior_weights
        with torch.no_grad():
            self.encoder.weight[:, : self.latent_dim] = weights
            self.encoder.bias[: self.latent_dim] = -ppca.mean @ weights
            self.encoder.bias[self.latent_dim :] = ppca.posterior_variances.log()
            self.decoder.weight.copy_(ppca.loadings.T)
            self.decoder.bias.copy_(ppca.mean)
            self.likelihood.start(ppca.noise, self.decoder.weight, self.decoder.bias)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z | x), each (n_rows, latent_dim); missing cells count as 0."""
        mean, log_var = self.encoder(torch.nan_to_num(x)).chunk(2, dim=1)
        return mean, log_var.clamp(*LOG_VARIANCE_RANGE)

    def decode(self, z: Tensor) -> Tensor:
        """Location of p(x | z), shape (n_rows, n_cells): expected numbers and logits."""
        location: Tensor = self.decoder(z)
        return location

    def elbo(
        self,
        x: Tensor,
        noise: Tensor,
        input_noise: Tensor | None = None,
        *,
        has_missing: bool | None = None,
    ) -> ELBO:
        """One draw of the bound for x (n_rows, n_cells).

        ``noise`` (n_rows, latent_dim) is standard normal; ``input_noise`` is added to the encoder's input
        but not to the target of the decoder (Vincent et al. 2008). ``has_missing`` tells whether x has
        missing values; by default they are searched for.
        """
        mean, log_var = self.encode(x if input_noise is None else x + input_noise)
        z = mean + torch.exp(0.5 * log_var) * noise
        features = self.likelihood.log_prob(x, self.decode(z), has_missing=has_missing)
        return ELBO(features, self.prior(mean, log_var))

    forward = elbo

    def antithetic_elbo(self, x: Tensor, noise: Tensor) -> ELBO:
        """The ELBO from two points mean +- std * noise, with the same ``noise`` (latent_dim,) for each row.

        The part of a number's expected squared error that comes from the linear path of the decoder is
        computed in closed form instead of from the draw, so that the bound is exact for a linear decoder.
        """
        mean, log_var = self.encode(x)
        variance = log_var.exp()
        weight = self.decoder.weight[:, : self.likelihood.n_numeric]
        excess = product(variance, weight.square())
        if self.decoder.residual is None and not self.likelihood.groups:
            features = self.likelihood.log_prob(x, self.decode(mean), excess)
        else:
            step = variance.sqrt() * noise
            above, below = self.decode(torch.cat([mean + step, mean - step])).chunk(2)
            excess -= product(step, weight).square()
            features = self.likelihood.antithetic_log_prob(x, above, below, excess)
        return ELBO(features, self.prior(mean, log_var))
