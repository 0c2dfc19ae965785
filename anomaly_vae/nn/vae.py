"""VAE: q(z | x), p(x | z) and the ELBO as named terms in nats.

Kingma & Welling (2013), "Auto-Encoding Variational Bayes": log p(x) >= E_q[log p(x | z)] - KL(q || p),
q(z | x) a diagonal Gaussian, p(z) = N(0, I). Encoder and decoder are linear maps, started at the
closed-form solution of probabilistic PCA, plus MLPs that start at zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from anomaly_vae.nn.likelihoods import TableLikelihood
from anomaly_vae.nn.mlp import ResidualMLP
from anomaly_vae.nn.ppca import PPCA

_LOG_VARIANCE_RANGE = (-14.0, 6.0)


class ELBO(NamedTuple):
    """A lower bound on log p(x), row by row, in nats.

    Attributes
    ----------
    features : Tensor of shape (n_rows, n_features)
        E_q[log p(x_j | z)] of each feature.
    latent : Tensor of shape (n_rows,)
        -KL(q(z | x) || p(z)), never positive.
    """

    features: Tensor
    latent: Tensor

    def total(self) -> Tensor:
        """The bound, shape (n_rows,)."""
        return self.features.sum(dim=1) + self.latent


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
    """

    def __init__(self, likelihood: TableLikelihood, latent_dim: int, hidden_sizes: Sequence[int]) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.likelihood = likelihood
        self.encoder = ResidualMLP(likelihood.n_cells, 2 * latent_dim, hidden_sizes)
        self.decoder = ResidualMLP(latent_dim, likelihood.n_cells, tuple(reversed(hidden_sizes)))

    def start(self, ppca: PPCA, generator: torch.Generator) -> None:
        """Put the closed-form linear solution in, and draw the hidden layers."""
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
        return mean, log_var.clamp(*_LOG_VARIANCE_RANGE)

    def decode(self, z: Tensor) -> Tensor:
        """Location of p(x | z), shape (n_rows, n_cells): expected numbers and logits."""
        location: Tensor = self.decoder(z)
        return location

    def elbo(self, x: Tensor, noise: Tensor, input_noise: Tensor | None = None) -> ELBO:
        """One draw of the bound for x (n_rows, n_cells).

        ``noise`` (n_rows, latent_dim) is standard normal; ``input_noise`` is added to what the
        encoder sees and not to what must be explained (Vincent et al. 2008).
        """
        mean, log_var = self.encode(x if input_noise is None else x + input_noise)
        z = mean + torch.exp(0.5 * log_var) * noise
        return ELBO(self.likelihood.log_prob(x, self.decode(z)), -gaussian_kl(mean, log_var))

    def antithetic_elbo(self, x: Tensor, noise: Tensor) -> ELBO:
        """The bound from the two points mean +- std * noise, the same ``noise`` (latent_dim,) for each row.

        Of a number's expected squared error, what the linear path of the decoder contributes is
        known in closed form and replaces its draw, so that for a linear decoder the bound is exact.
        """
        mean, log_var = self.encode(x)
        variance = log_var.exp()
        step = variance.sqrt() * noise
        above = self.likelihood.log_prob(x, self.decode(mean + step))
        below = self.likelihood.log_prob(x, self.decode(mean - step))
        n = self.likelihood.n_numeric
        weight = self.decoder.weight[:, :n]
        excess = variance @ weight.square() - (step @ weight).square()
        features = 0.5 * (above + below)
        correction = -0.5 * excess / self.likelihood.noise_variance()
        features[:, :n] += torch.where(torch.isnan(x[:, :n]), 0.0, correction)
        return ELBO(features, -gaussian_kl(mean, log_var))


def gaussian_kl(mean: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mean, exp(log_var)) || N(0, I)) in nats, shape (n_rows,); Kingma & Welling (2013), appendix B."""
    return 0.5 * (mean.square() + log_var.exp() - 1.0 - log_var).sum(dim=1)
