"""Recipe: the values of "auto", given the size of a table and whether its rows are clean.

A model has two different members. The network models nonlinear dependence; the closed-form member models
what the network smooths over. For clean rows this is the exact position of the training rows (an exemplar
prior). For contaminated rows it is each column on its own, which anomalies that agree cannot bias. The
closed-form member is a linear VAE if a table has more cells than rows, because neither of these can be
estimated, and for clean rows of numbers and categories, whose distances have no common unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

MAX_TRAIN_ROWS = 200_000
"""The most rows that training samples from; the step budget cannot visit more."""

MAX_CALIBRATION_ROWS = 100_000
"""The most held-out rows that calibration keeps; the smallest p-value is then 1e-5."""

MAX_EXEMPLARS = 1_000
"""The most components of an exemplar prior, which bound the cost of scoring."""


class ClosedForm(Enum):
    """The closed-form member."""

    LINEAR = "a linear VAE"
    EXEMPLARS = "a linear VAE with an exemplar prior"
    COLUMNS = "independent columns"


_WIDE_WEIGHT = 100.0
"""With fewer rows than cells the network memorises its rows, so its weight is almost zero."""


@dataclass(frozen=True)
class Recipe:
    """Settings of a fit.

    Attributes
    ----------
    latent_dim : int
        Width of z.
    noise_floor : float
        Least scale of a number given z, in scales of its column.
    degrees_of_freedom : float
        Of the Student-t noise of a number; infinite is Gaussian.
    input_noise : float
        Standard deviation of the noise on the encoder's input.
    keep : float
        Share of rows, the most probable ones, that the initialisation and each batch keep.
    n_steps, batch_size : int
        Training budget.
    closed_form : ClosedForm
        The closed-form member.
    closed_form_weight : float
        Its weight in the score, where the network's is 1 and bounds are in units of their spread.
    """

    latent_dim: int
    noise_floor: float
    degrees_of_freedom: float
    input_noise: float
    keep: float
    n_steps: int
    batch_size: int
    closed_form: ClosedForm
    closed_form_weight: float

    def override(self, **given: Any) -> Recipe:
        """The recipe with each setting that is not "auto" replaced."""
        return replace(self, **{name: value for name, value in given.items() if value != "auto"})


def novelty_recipe(n_rows: int, n_cells: int, has_categories: bool) -> Recipe:
    """For clean rows: little noise, so that the model is local and detects small deviations."""
    is_wide = n_rows <= n_cells
    return Recipe(
        latent_dim=_latent_dim(n_rows, n_cells, 64),
        noise_floor=0.05,
        degrees_of_freedom=math.inf,
        input_noise=0.35,
        keep=1.0,
        n_steps=200 if is_wide else 600,
        batch_size=128 if is_wide else 256,
        closed_form=ClosedForm.LINEAR if is_wide or has_categories else ClosedForm.EXEMPLARS,
        closed_form_weight=_WIDE_WEIGHT if is_wide else 2.0,
    )


def outlier_recipe(n_rows: int, n_cells: int) -> Recipe:
    """For contaminated rows: few latents, heavy tails and trimming, so that anomalies are not learned."""
    is_wide = n_rows <= n_cells
    return Recipe(
        latent_dim=_latent_dim(n_rows, n_cells, 64 if is_wide else 8),
        noise_floor=0.3 if is_wide else 1.0,
        degrees_of_freedom=math.inf if is_wide else 1.0,
        input_noise=0.3,
        keep=0.8,
        n_steps=200 if is_wide else 400,
        batch_size=128,
        closed_form=ClosedForm.LINEAR if is_wide else ClosedForm.COLUMNS,
        closed_form_weight=_WIDE_WEIGHT if is_wide else 1.0,
    )


def _latent_dim(n_rows: int, n_cells: int, most: int) -> int:
    return max(min(most, n_cells, n_rows // 2), 1)
