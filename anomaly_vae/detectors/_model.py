"""TableModel: an encoder and the members of an ensemble; raw rows to scores, latents and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from anomaly_vae import scoring
from anomaly_vae.columns.table import Table, TableEncoder, take_rows, whole_rows
from anomaly_vae.detectors import _state
from anomaly_vae.detectors._state import Architecture, Cells
from anomaly_vae.errors import ModelFileError
from anomaly_vae.nn.priors import ExemplarPrior
from anomaly_vae.nn.threads import one_thread
from anomaly_vae.nn.vae import VAE

Floats = NDArray[np.float64]

_MOST_DRAW = 10.0
"""The first model files hold standard normal draws instead of signs; this bounds their size."""


@dataclass(frozen=True)
class Member:
    """One network and the draws that it scores with.

    Attributes
    ----------
    module : VAE
        Its weights are frozen.
    architecture : Architecture
        What the module was built from.
    draw : array of shape (latent_dim,)
        The signs (+1 or -1) that, with their negatives, are the noise of every row at scoring.
    weight : float
        Weight of its bound in the score; the weights of all members sum to one.
    """

    module: VAE
    architecture: Architecture
    draw: NDArray[np.float32]
    weight: float = 1.0

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return self.module.decoder.weight.device

    def terms(self, cells: NDArray[np.float32]) -> Floats:
        """Terms of the bound of encoded rows in nats, the latent one last, (n_rows, n_features + 1)."""
        block = scoring.padded(cells, self.device)
        noise = torch.from_numpy(self.draw).to(self.device)
        return scoring.elbo_terms(self.module, block, noise)[: len(cells)]

    def bounds(self, cells: NDArray[np.float32]) -> Floats:
        """The bound of encoded rows in nats, (n_rows,): the sum of the terms."""
        block = scoring.padded(cells, self.device)
        noise = torch.from_numpy(self.draw).to(self.device)
        return scoring.elbo_totals(self.module, block, noise)[: len(cells)]

    def contributions(self, cells: NDArray[np.float32]) -> Floats:
        """The terms, with the cost of the distance from the nearest exemplar divided among the numbers."""
        terms, prior = self.terms(cells), self.module.prior
        if isinstance(prior, ExemplarPrior):
            block = scoring.padded(cells, self.device)
            charged = scoring.exemplar_contributions(self.module, prior, block)[: len(cells)]
            terms[:, : charged.shape[1]] += charged
            terms[:, -1] -= charged.sum(axis=1)
        return terms

    def get_state(self) -> dict[str, Any]:
        """The member as plain dictionaries, numbers and arrays."""
        return {
            "architecture": asdict(self.architecture),
            "weights": _state.module_state(self.module),
            "draw": self.draw,
            "weight": self.weight,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], cells: Cells, device: torch.device) -> Member:
        """The member with this state; raises ModelFileError if its parts are inconsistent."""
        _state.check_keys("members", state, {"architecture", "weights", "draw", "weight"})
        _state.check_number("weight", state["weight"])
        if not 0.0 < state["weight"] <= 1.0:
            raise ModelFileError(f"'weight' should be in (0, 1], got {state['weight']!r}")
        architecture = _state.load_architecture(state["architecture"])
        module = _state.load_module(state["weights"], architecture, cells).requires_grad_(False)
        _state.check_array("draw", state["draw"], (architecture.latent_dim,))
        draw = np.asarray(state["draw"], dtype=np.float32)
        if not (np.abs(draw) <= _MOST_DRAW).all():
            raise ModelFileError("'draw' should hold signs, +1 or -1; fit and save the model again")
        return cls(module.to(device), architecture, draw, float(state["weight"]))


class TableModel:
    """A fitted model: one encoder, and members whose bounds are averaged by weight.

    The weighted mean of the members' lower bounds is a lower bound on that of their log densities,
    which is, up to its normaliser, the log of a product of experts.

    Parameters
    ----------
    encoder : TableEncoder
    members : sequence of Member
        The last one is the trained network, which encodes, decodes and samples.
    """

    def __init__(self, encoder: TableEncoder, members: Sequence[Member]) -> None:
        self.encoder, self.members = encoder, tuple(members)

    @property
    def latent_dim(self) -> int:
        """Width of the latent space of the last member."""
        return self.members[-1].architecture.latent_dim

    def totals(self, X: Table) -> Floats:
        """The bound of each row of a table, shape (n_rows,), in nats."""
        totals = np.empty(len(X))

        def score(rows: slice) -> None:
            cells = self._cells(X, rows)
            totals[rows] = sum(member.weight * member.bounds(cells) for member in self.members)

        scoring.for_each_block(len(X), score)
        return totals

    def contributions(self, X: Table) -> Floats:
        """The bound by column, the latent term last, shape (n_rows, n_columns + 1), in nats.

        With an exemplar prior the latent term is the part that does not depend on the distance from the
        nearest exemplar; the rest is divided among the columns in which the row and the exemplar differ.
        """
        n_columns = len(self.encoder.readers)
        owners = np.array([*self.encoder.schema.owners, n_columns])
        contributions = np.zeros((len(X), n_columns + 1))

        def score(rows: slice) -> None:
            cells = self._cells(X, rows)
            weighted = sum(member.weight * member.contributions(cells) for member in self.members)
            np.add.at(contributions[rows].T, owners, np.asarray(weighted).T)

        scoring.for_each_block(len(X), score)
        return contributions

    @one_thread()
    @torch.no_grad()
    def encode(self, X: Table) -> Floats:
        """Posterior means, shape (n_rows, latent_dim)."""
        codes = np.empty((len(X), self.latent_dim))
        for rows in scoring.blocks(len(X)):
            cells = self._cells(X, rows)
            mean, _ = self.members[-1].module.encode(scoring.padded(cells, self.members[-1].device))
            codes[rows] = mean[: len(cells)].cpu().numpy()
        return codes

    @one_thread()
    @torch.no_grad()
    def decode(self, z: NDArray[np.float32]) -> pd.DataFrame:
        """Expected rows of latents (n_rows, latent_dim), in the columns and units of the table."""
        network, frames = self.members[-1], []
        for rows in scoring.blocks(len(z)):
            location = network.module.decode(scoring.padded(z[rows], network.device))
            cells = network.module.likelihood.probabilities(location)[: rows.stop - rows.start]
            frames.append(self.encoder.inverse_transform(cells.cpu().numpy()))
        return pd.concat(frames, ignore_index=True)

    @one_thread()
    @torch.no_grad()
    def sample(self, n_rows: int, seed: int) -> pd.DataFrame:
        """Rows drawn from the model, in the columns and units of the table."""
        network, frames = self.members[-1], []
        generator = torch.Generator(network.device).manual_seed(seed)
        for rows in scoring.blocks(n_rows):
            size = (rows.stop - rows.start, self.latent_dim)
            z = torch.randn(size, generator=generator, device=network.device)
            cells = network.module.likelihood.sample(network.module.decode(z), generator)
            frames.append(self.encoder.inverse_transform(cells.cpu().numpy(), drawn=True))
        return pd.concat(frames, ignore_index=True)

    def get_state(self) -> dict[str, Any]:
        """The model as plain dictionaries, lists, numbers and arrays."""
        return {
            "encoder": self.encoder.get_state(),
            "members": [member.get_state() for member in self.members],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], device: torch.device) -> TableModel:
        """The model with this state; raises ModelFileError if its parts are inconsistent."""
        _state.check_keys("model_", state, {"encoder", "members"})
        encoder = _state.load_encoder(state["encoder"])
        states = _state.check_dicts("members", state["members"])
        if not any("weight" in member for member in states):  # in the first model files
            states = [{**member, "weight": 1.0 / len(states)} for member in states]
        members = [Member.from_state(member, encoder.schema, device) for member in states]
        if abs(sum(member.weight for member in members) - 1.0) > 1e-9:
            raise ModelFileError("the weights of 'members' do not sum to 1; fit and save the model again")
        return cls(encoder, members)

    def _cells(self, X: Table, rows: slice) -> NDArray[np.float32]:
        """One block of rows, encoded."""
        with whole_rows(rows):
            return self.encoder.transform(take_rows(X, rows))
