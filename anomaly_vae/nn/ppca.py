"""Probabilistic PCA in closed form, which initialises the linear paths of a VAE.

Tipping & Bishop (1999), "Probabilistic Principal Component Analysis", JRSS B 61(3): the maximum
likelihood estimate of x ~ N(W z + mean, noise I), z ~ N(0, I) has the leading eigenvectors of the covariance
in W, and the mean of the discarded eigenvalues as noise. The robust variant refits to the most likely rows
of the previous fit (concentration steps, Rousseeuw & Van Driessen 1999).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_MAX_C_STEPS = 8


@dataclass(frozen=True)
class PPCA:
    """A linear Gaussian latent variable model.

    Attributes
    ----------
    mean : Tensor of shape (n_cells,)
    directions : Tensor of shape (n_cells, latent_dim)
        Orthonormal columns.
    variances : Tensor of shape (latent_dim,)
        Variance along each direction, noise included.
    noise : float
        Variance of each cell given z.
    """

    mean: Tensor
    directions: Tensor
    variances: Tensor
    noise: float

    @property
    def loadings(self) -> Tensor:
        """W of shape (n_cells, latent_dim): x = W z + mean + noise."""
        return self.directions * (self.variances - self.noise).clamp_min(0.0).sqrt()

    @property
    def posterior_weights(self) -> Tensor:
        """A of shape (n_cells, latent_dim): the posterior mean of z is (x - mean) A."""
        return self.loadings / self.variances

    @property
    def posterior_variances(self) -> Tensor:
        """Posterior variance of each z, shape (latent_dim,)."""
        return self.noise / self.variances

    def log_prob(self, x: Tensor) -> Tensor:
        """Exact log marginal likelihood in nats, shape (n_rows,)."""
        centred = x - self.mean
        codes = centred @ self.directions
        outside = (centred.square().sum(dim=1) - codes.square().sum(dim=1)).clamp_min(0.0)
        n_outside = x.shape[1] - len(self.variances)
        distance = (codes.square() / self.variances).sum(dim=1) + outside / self.noise
        log_det = self.variances.log().sum() + n_outside * torch.tensor(self.noise).log()
        return -0.5 * (distance + log_det + x.shape[1] * torch.log(torch.tensor(2.0 * torch.pi)))


def fit_ppca(x: Tensor, latent_dim: int, least_noise: float, keep: float = 1.0) -> PPCA:
    """The PPCA of rows x (n_rows, n_cells), or of the most likely share ``keep`` of them.

    ``least_noise`` is the least noise variance.
    """
    model = _fit(x, latent_dim, least_noise)
    n_kept = max(int(keep * len(x)), min(len(x), latent_dim + 2))
    if n_kept >= len(x):
        return model
    kept = torch.tensor([])
    for _ in range(_MAX_C_STEPS):
        before, kept = kept, model.log_prob(x).topk(n_kept).indices.sort().values
        if torch.equal(before, kept):
            break
        model = _fit(x[kept], latent_dim, least_noise)
    return model


def _fit(x: Tensor, latent_dim: int, least_noise: float) -> PPCA:
    n_rows, n_cells = x.shape
    mean = x.mean(dim=0)
    directions, variances = _principal_axes(x - mean, latent_dim)
    discarded = ((x - mean).square().sum() / n_rows - variances.sum()).clamp_min(0.0)
    noise = max(float(discarded) / max(n_cells - latent_dim, 1), least_noise)
    return PPCA(mean, directions, variances.clamp_min(noise), noise)


def _principal_axes(centred: Tensor, n_axes: int) -> tuple[Tensor, Tensor]:
    """Leading directions (n_cells, n_axes) and their variances, from the covariance or the SVD."""
    n_rows, n_cells = centred.shape
    if n_cells <= n_rows:
        # In double precision: if many columns are constant, float32 iterations may not converge.
        values, vectors = torch.linalg.eigh((centred.T @ centred / n_rows).double())
        axes, variances = vectors.flip(1).to(centred), values.flip(0).clamp_min(0.0).to(centred)
    else:
        _, scales, rows = torch.linalg.svd(centred, full_matrices=False)
        axes, variances = rows.T, scales.square() / n_rows
    missing = max(n_axes - len(variances), 0)
    padding = centred.new_zeros(n_cells, missing), centred.new_zeros(missing)
    return torch.cat([axes[:, :n_axes], padding[0]], dim=1), torch.cat([variances[:n_axes], padding[1]])
