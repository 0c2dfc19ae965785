"""The members of a model: untrained networks at a closed-form solution, and their weights in the score."""

from __future__ import annotations

import copy
import warnings
from dataclasses import replace

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits
from torch import Tensor

from anomaly_vae.columns.table import TableEncoder
from anomaly_vae.detectors._model import Member
from anomaly_vae.detectors._recipe import MAX_EXEMPLARS, ClosedForm, Recipe
from anomaly_vae.detectors._state import Architecture
from anomaly_vae.nn.ppca import fit_ppca
from anomaly_vae.nn.priors import ExemplarPrior
from anomaly_vae.nn.student import fit_student_t

_LEAST_SCALE = 0.1
"""Smallest scale of an independent column, in scales of the column."""

_LEAST_SPREAD = 0.1
"""Smallest spread of a member's bounds, in nats: on a table of few categories all bounds may be equal."""

_MAX_SPREAD_ROWS = 2_000
_N_CLUSTER_STEPS = 10


class MemberBuilder:
    """Builds the members of one table's model.

    Parameters
    ----------
    encoder : TableEncoder
    rows : Tensor of shape (n_rows, n_cells)
        Encoded rows, in random order, to initialise the members with; NaN is missing.
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
        self.base = Architecture(
            recipe.latent_dim, (), recipe.noise_floor, n_train, recipe.degrees_of_freedom
        )
        known = torch.nan_to_num(rows)
        self.ppca = fit_ppca(known, recipe.latent_dim, recipe.noise_floor**2, recipe.keep)

    def network(self, hidden_sizes: tuple[int, ...]) -> Member:
        """The network to train, initialised with the closed-form linear solution."""
        return self._start(replace(self.base, hidden_sizes=hidden_sizes))

    def closed_form(self) -> Member:
        """The closed-form member."""
        if self.recipe.closed_form is ClosedForm.COLUMNS:
            return self._columns()
        if self.recipe.closed_form is ClosedForm.EXEMPLARS:
            return self._exemplars()
        return self._start(self.base)

    def weighted(self, network: Member, closed_form: Member) -> list[Member]:
        """Both, the network last, weighted so that each bound counts in units of its own spread.

        In raw nats the member with the smallest noise would dominate. The spread is the median absolute
        deviation over training rows: held-out rows calibrate the score and must not influence it.
        """
        shares = [
            self.recipe.closed_form_weight / self._spread(self._with_other_exemplars(closed_form)),
            1.0 / self._spread(network),
        ]
        return [
            replace(member, weight=share / sum(shares))
            for member, share in zip((closed_form, network), shares, strict=True)
        ]

    def _columns(self) -> Member:
        """Independent columns: one latent without effect, and Student-t noise around each location."""
        n = self.encoder.schema.n_numeric
        location, variance = fit_student_t(
            self.rows[:, :n], self.recipe.degrees_of_freedom, least_variance=_LEAST_SCALE**2
        )
        architecture = replace(self.base, latent_dim=1, noise_floor=0.5 * _LEAST_SCALE)
        member = self._build(architecture)
        with torch.no_grad():
            member.module.decoder.bias[:n] = location
            member.module.likelihood.start(variance, member.module.decoder.weight, member.module.decoder.bias)
        return member

    def _exemplars(self) -> Member:
        """A linear member whose prior is the codes of typical rows."""
        linear = self._start(self.base)
        codes, variance = self._codes(linear)
        deviation = variance.sqrt()
        centres = _centres(codes / deviation, self.generator)
        return _with_prior(linear, ExemplarPrior(centres * deviation, variance))

    def _with_other_exemplars(self, member: Member) -> Member:
        """The member with exemplars from other rows than those that ``_spread`` uses."""
        if not isinstance(member.module.prior, ExemplarPrior):
            return member
        codes, variance = self._codes(member)
        return _with_prior(member, ExemplarPrior(codes[len(codes) // 2 :][:MAX_EXEMPLARS], variance))

    def _spread(self, member: Member) -> float:
        """Median absolute deviation of the bounds of rows in the first half, in nats."""
        rows = self.rows[: max(len(self.rows) // 2, 1)][:_MAX_SPREAD_ROWS]
        bounds = member.bounds(rows.cpu().numpy())
        return max(float(np.median(np.abs(bounds - np.median(bounds)))), _LEAST_SPREAD)

    @torch.no_grad()
    def _codes(self, member: Member) -> tuple[Tensor, Tensor]:
        """Posterior means of the rows, and the posterior variance, which is the same for all rows."""
        mean, log_var = member.module.encode(self.rows)
        return mean, log_var[0].exp()

    def _start(self, architecture: Architecture) -> Member:
        """A member at the closed-form linear solution."""
        member = self._build(architecture)
        member.module.start(self.ppca, self.generator)
        return member

    def _build(self, architecture: Architecture) -> Member:
        """A member with zero linear maps, and the frequencies of the categories."""
        device = self.rows.device
        module = architecture.build(self.encoder.schema).to(device)
        module.likelihood.observe(self.encoder.categories.frequencies, self.encoder.charged_when_missing)
        # Signs, not the draw itself: a short draw, shared by all rows, would raise scores above the bound.
        draw = torch.randn(architecture.latent_dim, generator=self.generator, device=device).sign()
        return Member(module, architecture, draw.cpu().numpy())


def _with_prior(member: Member, prior: ExemplarPrior) -> Member:
    """The member with another prior."""
    module = copy.deepcopy(member.module)
    module.prior = prior
    architecture = replace(member.architecture, n_exemplars=len(prior.exemplars))
    return replace(member, module=module, architecture=architecture)


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
