"""Linear convolutional VAEs in closed form: of whole images, and of the patches of an image.

The encoder and decoder of a linear VAE need no gradient steps: the maximum of its ELBO is probabilistic PCA
(Lucas et al. 2019, "Don't Blame the ELBO!"; Tipping & Bishop 1999), where the bound is exact. Applied to all
patches of an image, encoder and decoder are one convolution each.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from anomaly_vae.nn.ppca import PPCA
from anomaly_vae.nn.vae import ELBO

_LOG_2_PI = math.log(2.0 * math.pi)
_N_AT_ONCE = 8


class ConvVAE(nn.Module):
    """x = W z + mean + noise for each patch x of an image, with z ~ N(0, I).

    Parameters
    ----------
    n_channels : int
    patch : tuple of int
        Height and width of a patch; the size of the image makes a VAE of whole images.
    latent_dim : int
        Number of latents per patch.
    """

    mean: Tensor
    directions: Tensor
    variances: Tensor
    noise: Tensor

    def __init__(self, n_channels: int, patch: tuple[int, int], latent_dim: int) -> None:
        super().__init__()
        self.n_channels, self.patch, self.latent_dim = n_channels, patch, latent_dim
        self.n_cells = n_channels * patch[0] * patch[1]
        self.register_buffer("mean", torch.zeros(n_channels, *patch))
        self.register_buffer("directions", torch.zeros(latent_dim, n_channels, *patch))
        self.register_buffer("variances", torch.ones(latent_dim))
        self.register_buffer("noise", torch.ones(()))

    def start(self, ppca: PPCA) -> None:
        """Initialise with the closed-form solution for patches as rows (n_patches, n_cells)."""
        self.mean.copy_(ppca.mean.view_as(self.mean))
        self.directions.copy_(ppca.directions.T.reshape(self.directions.shape))
        self.variances.copy_(ppca.variances)
        self.noise.fill_(ppca.noise)

    @property
    def loadings(self) -> Tensor:
        """Lengths of the columns of W, shape (latent_dim,)."""
        return (self.variances - self.noise).clamp_min(0.0).sqrt()

    @property
    def posterior_variances(self) -> Tensor:
        """Variance of each latent given its patch, shape (latent_dim,)."""
        return self.noise / self.variances

    def encode(self, x: Tensor, stride: int | tuple[int, int] = 1) -> Tensor:
        """Posterior means of the latents, shape (n_images, latent_dim, n_down, n_across)."""
        return self._coordinates(x, stride) * (self.loadings / self.variances)[:, None, None]

    def decode(self, z: Tensor) -> Tensor:
        """Expected image from latents of adjacent patches, (n_images, latent_dim, n_down, n_across)."""
        return self._composed(z * self.loadings[:, None, None]) + self.mean.repeat(1, *z.shape[-2:])

    def errors(self, x: Tensor, stride: int) -> Tensor:
        """Mean squared distance of each patch from the decoder's range, (n_images, 1, n_down, n_across)."""
        ones = torch.ones_like(self.mean)[None]
        squares = functional.conv2d(x.square(), ones, stride=stride)
        squares = (
            squares - 2.0 * functional.conv2d(x, self.mean[None], stride=stride) + self.mean.square().sum()
        )
        within = self._coordinates(x, stride).square().sum(dim=1, keepdim=True)
        return (squares - within).clamp_min(0.0) / self.n_cells

    def differences(self, x: Tensor) -> Tensor:
        """Pixels minus the nearest output of the decoder, for adjacent patches; shape of x."""
        return x - self._composed(self._coordinates(x, self.patch)) - self.mean.repeat(1, *self._tiles(x))

    def elbo(self, x: Tensor) -> ELBO:
        """ELBO of images (n_images, n_channels, height, width) as adjacent patches, in nats.

        ``features`` has a term for each pixel, (n_images, height, width), ``latent`` the sum of all patches.
        Patches that extend beyond the right or lower border are filled with the pixels at the border, which
        do not count.
        """
        height, width = x.shape[-2:]
        x = self._padded(x)
        z = self.encode(x, self.patch)
        spread = self._composed_variance(x)
        distance = (x - self.decode(z)).square() + spread
        features = -0.5 * (_LOG_2_PI + self.noise.log() + distance / self.noise)
        return ELBO(features[:, :, :height, :width].sum(dim=1), -self.divergence(z))

    def divergence(self, z: Tensor) -> Tensor:
        """KL(q || p) of posterior means z, summed over each image, shape (n_images,)."""
        variance = self.posterior_variances
        n_patches = z.shape[-1] * z.shape[-2]
        constant = 0.5 * n_patches * (variance - 1.0 - variance.log()).sum()
        return 0.5 * z.square().flatten(1).sum(dim=1) + constant

    def shift(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Changes of the pixel differences and of the posterior means if x is added to an image."""
        height, width = x.shape[-2:]
        x = self._padded(x)
        ratio = self.loadings.square() / self.variances
        coordinates = functional.conv2d(x, self.directions, stride=self.patch)
        outside = x - self._composed(coordinates * ratio[:, None, None])
        z = coordinates * (self.loadings / self.variances)[:, None, None]
        return outside[:, :, :height, :width], z

    def _coordinates(self, x: Tensor, stride: int | tuple[int, int]) -> Tensor:
        """Coordinates of each centred patch, (n_images, latent_dim, n_down, n_across)."""
        centre = (self.directions * self.mean).flatten(1).sum(dim=1)
        return functional.conv2d(x, self.directions, -centre, stride=stride)

    def _composed(self, coordinates: Tensor) -> Tensor:
        """Adjacent patches from their coordinates."""
        return functional.conv_transpose2d(coordinates, self.directions, stride=self.patch)

    def _composed_variance(self, x: Tensor) -> Tensor:
        """Variance of the expected pixels given the image, shape (n_channels, height, width)."""
        weights = self.loadings.square() * self.posterior_variances
        return (self.directions.square() * weights[:, None, None, None]).sum(dim=0).repeat(1, *self._tiles(x))

    def _tiles(self, x: Tensor) -> tuple[int, int]:
        return x.shape[-2] // self.patch[0], x.shape[-1] // self.patch[1]

    def _padded(self, x: Tensor) -> Tensor:
        """The image, padded to whole patches with its last row and column."""
        below, right = -x.shape[-2] % self.patch[0], -x.shape[-1] % self.patch[1]
        return functional.pad(x, (0, right, 0, below), mode="replicate") if below or right else x


class ImageVAE(nn.Module):
    """Two levels: latents of the whole image, and latents of each patch of the remaining differences.

    p(x | z) = N(x; enlarged whole + patches, noise). The input of q(z_whole | x) is the shrunk image, that of
    q(z_patch | x, z_whole) is the patch minus the whole. The expectation over z_whole is in closed form, so
    the bound is exact.

    Parameters
    ----------
    whole : ConvVAE
        VAE of images shrunk by ``factor``.
    patches : ConvVAE
        VAE of patches of the differences from the whole.
    size : tuple of int
        Height and width of an image.
    factor : int
        Side of the squares of pixels that are averaged.
    """

    excess: Tensor
    excess_latent: Tensor

    def __init__(self, whole: ConvVAE, patches: ConvVAE, size: tuple[int, int], factor: int) -> None:
        super().__init__()
        self.whole, self.patches, self.size, self.factor = whole, patches, size, factor
        self.register_buffer("excess", torch.zeros(size))
        self.register_buffer("excess_latent", torch.zeros(()))

    def start(self) -> None:
        """Compute the cost of the variance of z_whole per pixel, which is the same for every image."""
        spread = (self.whole.posterior_variances.sqrt() * self.whole.loadings)[:, None, None, None]
        changes = spread * self.whole.directions
        for k in range(0, len(changes), _N_AT_ONCE):
            outside, z = self.patches.shift(self.enlarged(changes[k : k + _N_AT_ONCE]))
            self.excess += 0.5 * outside.square().sum(dim=(0, 1)) / self.patches.noise
            self.excess_latent += 0.5 * z.square().sum()

    def encode(self, x: Tensor) -> Tensor:
        """Posterior means of the whole's latents, shape (n_images, latent_dim)."""
        return self.whole.encode(self.shrunk(x))[:, :, 0, 0]

    def decode(self, z: Tensor) -> Tensor:
        """Expected images of the whole's latents (n_images, latent_dim)."""
        return self.enlarged(self.whole.decode(z[:, :, None, None]))

    def detail(self, x: Tensor) -> Tensor:
        """Differences of the image from the whole, shape of x."""
        return x - self.decode(self.encode(x))

    def elbo(self, x: Tensor) -> ELBO:
        """The ELBO in nats: a term for each pixel (n_images, height, width), and the latent term."""
        z = self.encode(x)
        inner = self.patches.elbo(x - self.decode(z))
        latent = inner.latent - self.excess_latent - self.whole.divergence(z[:, :, None, None])
        return ELBO(inner.features - self.excess, latent)

    def sample(self, n_images: int, generator: torch.Generator) -> Tensor:
        """Images drawn from the model, without pixel noise."""
        device = self.excess.device
        z = torch.randn(n_images, self.whole.latent_dim, generator=generator, device=device)
        rows, columns = (-(-n // side) for n, side in zip(self.size, self.patches.patch, strict=True))
        shape = (n_images, self.patches.latent_dim, rows, columns)
        detail = self.patches.decode(torch.randn(shape, generator=generator, device=device))
        return self.decode(z) + detail[:, :, : self.size[0], : self.size[1]]

    def shrunk(self, x: Tensor) -> Tensor:
        """Images as the input of the whole's VAE."""
        return functional.avg_pool2d(x, self.factor) if self.factor > 1 else x

    def enlarged(self, x: Tensor) -> Tensor:
        """Images of the whole's VAE, interpolated to full size."""
        if tuple(x.shape[-2:]) == self.size:
            return x
        return functional.interpolate(x, size=self.size, mode="bilinear", align_corners=False)
