"""Recipe: the values of "auto", given the size of a table and whether its rows are clean.

A model has up to three different members. The network models nonlinear dependence. The linear member models
what the network smooths over: the exact position of the training rows (an exemplar prior), or linear
dependence where distances between rows say little: in tables with more cells than rows, and in tables with
categories. The histogram models each column alone, which needs the fewest rows. Exemplars of
contaminated rows are rows that the other two members find normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

MAX_EXEMPLARS = 1_000
"""The most components of an exemplar prior, which bound the cost of scoring."""

_FOLD_STEPS = 200
"""Training steps of each network of a small table."""


@dataclass(frozen=True)
class LinearRecipe:
    """Settings of the linear member.

    Attributes
    ----------
    latent_dim : int
        Width of z.
    noise_floor : float
        Least scale of a number given z, in scales of its column.
    keep : float
        Share of the rows, the most probable ones, that it is fitted to.
    has_exemplars : bool
        Whether the prior is centred on the codes of typical rows; otherwise it is N(0, I).
    keep_exemplars : float
        Share of rows, those with the highest bounds of the other members, that it is fitted to instead.
    """

    latent_dim: int
    noise_floor: float
    keep: float = 1.0
    has_exemplars: bool = False
    keep_exemplars: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """Settings of a fit.

    Attributes
    ----------
    latent_dim : int
        Width of z of the network.
    noise_floor : float
        Least scale of a number given z, in scales of its column.
    degrees_of_freedom : float
        Of the Student-t noise of a number; infinite is Gaussian.
    input_noise : float
        Standard deviation of the noise on the encoder's input.
    keep : float
        Share of rows, the most probable ones, that the initialisation and each batch of the network keep.
    n_steps, batch_size : int
        Training budget.
    linear : LinearRecipe
        The linear member.
    weights : tuple of float
        Weights of the linear member, the histogram and the network, in units of the spread of their bounds.
    """

    latent_dim: int
    noise_floor: float
    degrees_of_freedom: float
    input_noise: float
    keep: float
    n_steps: int
    batch_size: int
    linear: LinearRecipe
    weights: tuple[float, float, float]

    def override(self, **given: Any) -> Recipe:
        """The recipe with each setting that is not "auto" replaced, in the linear member too."""
        chosen = {name: value for name, value in given.items() if value != "auto"}
        shared = {name: chosen[name] for name in ("latent_dim", "noise_floor") if name in chosen}
        return replace(self, **chosen, linear=replace(self.linear, **shared))


def novelty_recipe(n_rows: int, n_cells: int, has_categories: bool, *, is_fold: bool = False) -> Recipe:
    """For clean rows: little noise, so that the model is local and detects small deviations."""
    is_wide = n_rows <= n_cells
    latent_dim = _latent_dim(n_rows, n_cells, 64)
    return Recipe(
        latent_dim=latent_dim,
        noise_floor=0.05,
        degrees_of_freedom=math.inf,
        input_noise=0.35,
        keep=1.0,
        n_steps=_FOLD_STEPS if is_wide or is_fold else 600,
        batch_size=128 if is_wide else 256,
        linear=LinearRecipe(latent_dim, 0.05, has_exemplars=not (is_wide or has_categories)),
        weights=(2.0, 0.0, 1.0) if is_wide else (2.0, 1.0, 2.0),
    )


def outlier_recipe(n_rows: int, n_cells: int, has_categories: bool, *, is_fold: bool = False) -> Recipe:
    """For contaminated rows: few latents, heavy tails and trimming, so that anomalies are not learned."""
    is_wide = n_rows <= n_cells
    linear = LinearRecipe(_latent_dim(n_rows, n_cells, 64), 0.05, has_exemplars=True, keep_exemplars=0.8)
    if is_wide:
        linear = LinearRecipe(_latent_dim(n_rows, n_cells, 128), 0.3, keep=0.8)
    elif has_categories:
        linear = LinearRecipe(_latent_dim(n_rows, n_cells, 64), 0.3, keep=0.75)
    return Recipe(
        latent_dim=_latent_dim(n_rows, n_cells, 64 if is_wide else 8),
        noise_floor=0.3 if is_wide else 1.0,
        degrees_of_freedom=math.inf if is_wide else 1.0,
        input_noise=0.3,
        keep=0.8,
        n_steps=_FOLD_STEPS if is_wide or is_fold else 400,
        batch_size=128,
        linear=linear,
        weights=(2.0, 0.0, 1.0) if is_wide else (1.0, 2.0 if has_categories else 1.0, 1.0),
    )


def _latent_dim(n_rows: int, n_cells: int, most: int) -> int:
    return max(min(most, n_cells, n_rows // 2), 1)
