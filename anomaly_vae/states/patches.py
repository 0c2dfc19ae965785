"""PatchState and LevelState: VAEs of patches, and their errors on normal images, as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import ModelFileError
from anomaly_vae.states import checks

Singles = NDArray[np.float32]


@dataclass(frozen=True)
class PatchState:
    """A linear VAE of patches: x = W z + mean + noise.

    Attributes
    ----------
    mean : array of shape (n_channels, height, width)
    directions : array of shape (latent_dim, n_channels, height, width)
        Orthonormal; W has them as its columns, multiplied by ``loadings``.
    variances : array of shape (latent_dim,)
        Variance of the patches in each direction.
    noise : array of shape ()
        Variance of the noise.
    """

    mean: Singles
    directions: Singles
    variances: Singles
    noise: Singles

    @property
    def latent_dim(self) -> int:
        """Number of latents per patch."""
        return len(self.directions)

    @property
    def n_channels(self) -> int:
        """Channels per pixel."""
        return len(self.mean)

    @property
    def patch(self) -> tuple[int, int]:
        """Height and width of a patch."""
        return self.mean.shape[1], self.mean.shape[2]

    @property
    def n_cells(self) -> int:
        """Numbers in a patch."""
        return int(self.mean.size)

    @property
    def loadings(self) -> Singles:
        """Lengths of the columns of W, shape (latent_dim,)."""
        return np.asarray(np.sqrt(np.maximum(self.variances - self.noise, np.float32(0.0))))

    @property
    def posterior_variances(self) -> Singles:
        """Variance of each latent given its patch, shape (latent_dim,)."""
        return np.asarray(self.noise / self.variances)

    def get_state(self) -> dict[str, Any]:
        """The arrays by name."""
        return dict(vars(self))

    @classmethod
    def from_state(cls, name: str, state: Any) -> PatchState:
        """The VAE with this state; raises ModelFileError if its parts are inconsistent."""
        checks.check_keys(name, state, {"mean", "directions", "variances", "noise"})
        shape = np.shape(state["directions"])
        if len(shape) != 4 or min(shape) < 1:
            raise invalid(f"the shape of {name!r}")
        shapes = {"mean": shape[1:], "directions": shape, "variances": shape[:1], "noise": ()}
        arrays = {}
        for key, wanted in shapes.items():
            checks.check_array(f"{name}.{key}", state[key], wanted)
            arrays[key] = checks.check_single(f"{name}.{key}", state[key])
        vae = cls(**arrays)
        if not (vae.noise > 0 and (vae.variances >= vae.noise).all()):
            raise invalid(f"a variance of {name!r}")
        return vae


@dataclass(frozen=True)
class LevelState:
    """Errors of one VAE at each position, and their statistics on normal images.

    Attributes
    ----------
    vae : PatchState or None
        The VAE of patches; None is the VAE of whole images.
    factor : int
        Factor by which its input is smaller than the image.
    stride : int
        Pixels of the shrunk image from one position to the next.
    typical_error : float
        Mean over training images and positions.
    centre, spread : array of shape (1, n_down, n_across)
        Mean and standard deviation of the scaled errors of the training images at each position.
    """

    vae: PatchState | None
    factor: int
    stride: int
    typical_error: float
    centre: Singles
    spread: Singles

    def get_state(self, patches: PatchState) -> dict[str, Any]:
        """The level as plain values; the VAE of patches of pixels is only named."""
        own = None if self.vae is None else "patches" if self.vae is patches else self.vae.get_state()
        return {**vars(self), "vae": own}

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, Any],
        size: tuple[int, int],
        factor: int,
        whole: PatchState,
        patches: PatchState,
    ) -> LevelState:
        """The level with this state; raises ModelFileError if it does not fit the model."""
        checks.check_keys("levels", state, {"vae", "factor", "stride", "typical_error", "centre", "spread"})
        own, shrunk = state["vae"], checks.check_whole("factor", state["factor"], 1)
        stride = checks.check_whole("stride", state["stride"], 1)
        vae = None if own is None else patches if own == "patches" else PatchState.from_state("levels", own)
        places = whole.patch
        if vae is not None:
            if vae.n_channels != whole.n_channels:
                raise invalid("a level")
            down, across = (
                (n // shrunk - side) // stride + 1 for n, side in zip(size, vae.patch, strict=True)
            )
            places = down, across
        elif (shrunk, stride) != (factor, 1):
            raise invalid("the level of whole images")
        if min(places) < 1:
            raise invalid("the size of a level")
        checks.check_number("typical_error", state["typical_error"])
        maps = []
        for name in ("centre", "spread"):
            checks.check_array(name, state[name], (1, *places))
            maps.append(checks.check_single(name, state[name]))
        if state["typical_error"] < 0 or any((values < 0).any() for values in maps):
            raise invalid("an error of a level")
        return cls(vae, shrunk, stride, float(state["typical_error"]), *maps)


def invalid(what: str) -> ModelFileError:
    """The error for a part that no fit has written."""
    return ModelFileError(f"{what} in the image model is not valid; fit and save the model again")
