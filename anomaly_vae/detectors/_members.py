"""The members of a model: untrained networks at a closed-form solution, linear models and histograms."""

from __future__ import annotations

import copy
import warnings
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits
from torch import Tensor

from anomaly_vae.columns.table import TableEncoder
from anomaly_vae.detectors._model import Member, spread
from anomaly_vae.detectors._recipe import MAX_EXEMPLARS, LinearRecipe, Recipe
from anomaly_vae.nn.build import build_histogram, build_vae
from anomaly_vae.nn.histogram import ColumnHistogram, fit_densities
from anomaly_vae.nn.ppca import fit_ppca
from anomaly_vae.nn.priors import ExemplarPrior
from anomaly_vae.nn.vae import VAE
from anomaly_vae.states.architecture import Architecture

_N_CLUSTER_STEPS = 10


class MemberBuilder:
    """Builds the members of one table's model.

    Parameters
    ----------
    encoder : TableEncoder
    rows : Tensor of shape (n_rows, n_cells)
        Encoded training rows, in random order, to fit the closed-form solutions to; NaN is missing.
    recipe : Recipe
    n_train : int
        Rows that will be trained on.
    generator : torch.Generator
        The only source of randomness.
    """

    def __init__(
        self, encoder: TableEncoder, rows: Tensor, recipe: Recipe, n_train: int, generator: torch.Generator
    ) -> None:
        self.encoder, self.rows, self.recipe, self.generator = encoder, rows, recipe, generator
        self.n_train, self.frequencies = n_train, _frequencies(encoder, rows)

    def network(self, hidden_sizes: tuple[int, ...]) -> Member:
        """The network to train, initialised with the closed-form linear solution."""
        recipe = self.recipe
        architecture = Architecture(
            recipe.latent_dim, hidden_sizes, recipe.noise_floor, self.n_train, recipe.degrees_of_freedom
        )
        return self._start(architecture, self.rows, recipe.keep)

    def closed_form(self, network: Member) -> list[Member]:
        """The linear member, and the histogram if it has a weight; ``network`` is trained."""
        histograms = [self._histogram()] if self.recipe.weights[1] else []
        rows = self.rows
        if self.recipe.linear.keep_exemplars < 1.0:
            rows = self._best_rows(network, *histograms)
        return [self._linear(self.recipe.linear, rows), *histograms]

    def _best_rows(self, *members: Member) -> Tensor:
        """The rows with the highest sums of the bounds of these members, each in units of its spread."""
        cells = self.rows.cpu().numpy()
        bounds = [member.bounds(cells) for member in members]
        scores = torch.from_numpy(np.sum([nats / spread(nats) for nats in bounds], axis=0))
        n_kept = max(int(self.recipe.linear.keep_exemplars * len(scores)), 1)
        return self.rows[scores.topk(n_kept).indices.sort().values.to(self.rows.device)]

    def _linear(self, recipe: LinearRecipe, rows: Tensor) -> Member:
        """A linear member, with the codes of typical rows as its prior if it has exemplars."""
        architecture = Architecture(recipe.latent_dim, (), recipe.noise_floor, self.n_train)
        linear = self._start(architecture, rows, recipe.keep)
        if not recipe.has_exemplars:
            return linear
        with torch.no_grad():
            codes, log_var = linear.vae.encode(rows)
        variance = log_var[0].exp()  # the same for all rows
        centres = _centres(codes / variance.sqrt(), self.generator) * variance.sqrt()
        module = copy.deepcopy(linear.vae)
        module.prior = ExemplarPrior(centres, variance)
        return replace(linear, module=module, architecture=replace(architecture, n_exemplars=len(centres)))

    def _histogram(self) -> Member:
        """Independent columns."""
        densities = fit_densities(self.rows[:, : self.encoder.schema.n_numeric].double().cpu().numpy())
        architecture = Architecture(1, (), 1.0, self.n_train, n_breaks=densities.breaks.shape[1])
        module = build_histogram(architecture, self.encoder.schema)
        module.start(densities)
        return self._member(module, architecture)

    def _start(self, architecture: Architecture, rows: Tensor, keep: float) -> Member:
        """A VAE at the closed-form linear solution."""
        module = build_vae(architecture, self.encoder.schema)
        member = self._member(module, architecture)
        ppca = fit_ppca(torch.nan_to_num(rows), architecture.latent_dim, architecture.noise_floor**2, keep)
        module.start(ppca, self.generator)
        return member

    def _member(self, module: VAE | ColumnHistogram, architecture: Architecture) -> Member:
        """The module as a member, with the frequencies of the categories."""
        device = self.rows.device
        module.to(device).likelihood.observe(self.frequencies, self.encoder.charged_when_missing)
        # Signs, not the draw itself: a short draw, shared by all rows, would raise scores above the bound.
        draw = torch.randn(architecture.latent_dim, generator=self.generator, device=device).sign()
        return Member(module, architecture, draw.cpu().numpy())


def _frequencies(encoder: TableEncoder, rows: Tensor) -> NDArray[np.float64]:
    """Smoothed share of each category among the rows where it is present: half a row is added to each."""
    hot = (rows[:, encoder.schema.n_numeric :] > 0).double().sum(dim=0) + 0.5
    spans = torch.split(hot, list(encoder.schema.category_widths))
    return torch.cat([hot[:0], *(span / span.sum() for span in spans)]).cpu().numpy()


def _centres(codes: Tensor, generator: torch.Generator) -> Tensor:
    """At most ``MAX_EXEMPLARS`` centres of codes (n_rows, latent_dim): the codes themselves if few."""
    if len(codes) > MAX_EXEMPLARS:
        codes = torch.unique(codes, dim=0)
    if len(codes) <= MAX_EXEMPLARS:
        return codes
    seed = int(torch.randint(2**31 - 1, (1,), generator=generator, device=codes.device))
    means = KMeans(MAX_EXEMPLARS, init="random", n_init=1, max_iter=_N_CLUSTER_STEPS, random_state=seed)
    # Several threads would sum in another order, and a seed must always give the same model.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # if centres coincide
        means.fit(codes.cpu().numpy())
    centres: Tensor = torch.unique(torch.from_numpy(means.cluster_centers_), dim=0)
    return centres.to(codes)
