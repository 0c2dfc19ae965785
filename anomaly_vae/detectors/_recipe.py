"""Recipe: what "auto" stands for, given the size of a table and whether its rows are clean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

MAX_TRAIN_ROWS = 200_000
"""Rows that training draws from; more than the step budget can visit would only cost time."""

MAX_CALIBRATION_ROWS = 100_000
"""Held-out rows that calibration keeps; p-values of 1e-5 are as small as they get."""


@dataclass(frozen=True)
class Recipe:
    """Settings of a fit.

    Attributes
    ----------
    latent_dim : int
        Width of z.
    noise_floor : float
        Least standard deviation of a number given z, in scales of its column.
    input_noise : float
        Standard deviation of the noise on the encoder's input.
    keep : float
        Share of rows that the start and each batch keep, best first.
    n_steps, batch_size : int
        Training budget.
    """

    latent_dim: int
    noise_floor: float
    input_noise: float
    keep: float
    n_steps: int
    batch_size: int

    def override(self, **given: Any) -> Recipe:
        """The recipe with each setting that is not "auto" replaced."""
        return replace(self, **{name: value for name, value in given.items() if value != "auto"})


def novelty_recipe(n_rows: int, n_cells: int) -> Recipe:
    """For clean rows: little noise, so that the model is local and notices small departures."""
    return Recipe(
        latent_dim=_latent_dim(n_rows, n_cells, 32),
        noise_floor=0.05,
        input_noise=0.35,
        keep=1.0,
        n_steps=600,
        batch_size=256,
    )


def outlier_recipe(n_rows: int, n_cells: int) -> Recipe:
    """For contaminated rows: few latents, much noise and trimming, so that the few are not learned."""
    return Recipe(
        latent_dim=_latent_dim(n_rows, n_cells, 8),
        noise_floor=0.6,
        input_noise=0.3,
        keep=0.65,
        n_steps=400,
        batch_size=128,
    )


def _latent_dim(n_rows: int, n_cells: int, most: int) -> int:
    return max(min(most, n_cells, n_rows // 2), 1)
