"""Modules from architectures, and their weights as arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from anomaly_vae.nn.histogram import ColumnHistogram
from anomaly_vae.nn.likelihoods import TableLikelihood
from anomaly_vae.nn.vae import VAE
from anomaly_vae.states.architecture import Architecture, Cells


def build_module(architecture: Architecture, cells: Cells) -> VAE | ColumnHistogram:
    """A module whose weights are not set yet."""
    return build_histogram(architecture, cells) if architecture.n_breaks else build_vae(architecture, cells)


def build_vae(architecture: Architecture, cells: Cells) -> VAE:
    """A VAE whose weights are not set yet."""
    likelihood = _likelihood(architecture, cells)
    return VAE(likelihood, architecture.latent_dim, architecture.hidden_sizes, architecture.n_exemplars)


def build_histogram(architecture: Architecture, cells: Cells) -> ColumnHistogram:
    """A histogram whose densities are not set yet."""
    return ColumnHistogram(_likelihood(architecture, cells), architecture.n_breaks)


def with_weights(
    architecture: Architecture, cells: Cells, weights: Mapping[str, NDArray[np.float32]]
) -> VAE | ColumnHistogram:
    """A module with these weights, on the CPU; no gradients are computed."""
    with torch.device("meta"):
        module = build_module(architecture, cells)
    module.load_state_dict({name: torch.tensor(values) for name, values in weights.items()}, assign=True)
    return module.requires_grad_(False)


def weights_of(module: VAE | ColumnHistogram) -> dict[str, NDArray[np.float32]]:
    """The weights by name, as copies."""
    return {name: weight.detach().cpu().numpy().copy() for name, weight in module.state_dict().items()}


def _likelihood(architecture: Architecture, cells: Cells) -> TableLikelihood:
    return TableLikelihood(
        cells.n_numeric,
        cells.category_widths,
        architecture.noise_floor,
        architecture.n_rows,
        architecture.degrees_of_freedom,
    )
