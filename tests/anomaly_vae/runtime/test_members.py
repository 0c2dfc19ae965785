"""Members as operators: the bounds are those of the torch modules that they were trained as."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anomaly_vae.detectors._model import Member
from anomaly_vae.nn.build import build_module, weights_of
from anomaly_vae.nn.histogram import FAR_BREAK, ColumnHistogram, fit_densities
from anomaly_vae.nn.vae import VAE
from anomaly_vae.runtime.bounds import bounds_model
from anomaly_vae.runtime.session import Session
from anomaly_vae.schema import Column, Feature, Schema, Span
from anomaly_vae.states.architecture import Architecture, MemberState

Singles = np.ndarray

WIDTHS = [(5, ()), (1, ()), (33, ()), (0, (2, 2, 7)), (3, (2, 5, 5)), (17, (3,))]
ARCHITECTURES = {
    "linear": Architecture(3, (), 0.1, 100),
    "linear, Student-t": Architecture(3, (), 0.3, 100, degrees_of_freedom=4.0),
    "hidden": Architecture(3, (8,), 0.1, 100),
    "hidden, Student-t": Architecture(2, (8, 6), 1.0, 1000, degrees_of_freedom=3.0),
    "exemplars": Architecture(3, (), 0.1, 100, n_exemplars=40),
    "hidden, exemplars": Architecture(4, (8,), 0.1, 100, n_exemplars=9),
    "histogram": Architecture(1, (), 1.0, 100, n_breaks=30),
}


def schema_of(n_numeric: int, widths: tuple[int, ...]) -> Schema:
    """A schema with a column for each feature."""
    features = [Feature(j, "numeric", Span(j, j + 1)) for j in range(n_numeric)]
    start = n_numeric
    for width in widths:
        features.append(Feature(len(features), "categorical", Span(start, start + width)))
        start += width
    columns = tuple(Column(f"c{j}", "numeric") for j in range(len(features)))
    return Schema(columns, tuple(features))


def rows_of(schema: Schema, n_rows: int, seed: int) -> Singles:
    """Encoded rows with missing cells and values far from all others."""
    random = np.random.default_rng(seed)
    cells = random.normal(size=(n_rows, schema.n_cells)).astype(np.float32)
    cells[:, ::2] = np.round(cells[:, ::2] * 2) / 2
    cells[random.random(cells.shape) < 0.01] *= 100
    for feature in schema.features:
        span = slice(feature.span.start, feature.span.stop)
        if feature.kind == "categorical":
            hot = random.integers(0, feature.span.width, n_rows)
            cells[:, span] = np.where(np.arange(feature.span.width) == hot[:, None], 1.7, -0.4)
        cells[random.random(n_rows) < 0.1, span] = np.nan
    return cells


def member_of(architecture: Architecture, schema: Schema, seed: int) -> tuple[Member, MemberState]:
    """A member with random weights, as torch has it and as plain arrays."""
    random = torch.Generator().manual_seed(seed)
    module = build_module(architecture, schema)
    with torch.no_grad():
        for weight in module.state_dict().values():
            weight.copy_(0.3 * torch.randn(weight.shape, generator=random))
    shares = np.concatenate([np.zeros(0), *(np.full(width, 1 / width) for width in schema.category_widths)])
    module.likelihood.frequencies.copy_(torch.from_numpy(shares))
    if isinstance(module, VAE) and architecture.n_exemplars:
        module.prior.variance.abs_().clamp_min_(0.05)
    if isinstance(module, VAE) and not architecture.hidden_sizes and seed % 2:
        with torch.no_grad():
            module.encoder.weight[:, architecture.latent_dim :] = 0  # the variance is the same for all rows
    if isinstance(module, ColumnHistogram):
        _set_densities(module, schema, architecture)
    draw = np.sign(np.random.default_rng(seed).normal(size=architecture.latent_dim)).astype(np.float32)
    module.requires_grad_(False)
    member = Member(module, architecture, draw, 0.7)
    return member, MemberState(architecture, weights_of(module), draw, 0.7)


def _set_densities(module: ColumnHistogram, schema: Schema, architecture: Architecture) -> None:
    densities = fit_densities(rows_of(schema, 200, 5)[:, : schema.n_numeric].astype(np.float64))
    found = densities.breaks.shape[1]
    width = min(found, architecture.n_breaks)
    module.breaks.fill_(FAR_BREAK)
    module.log_density.fill_(-100.0)
    module.breaks[:, :width] = torch.from_numpy(densities.breaks[:, :width])
    module.log_density[:, : width + 1] = torch.from_numpy(densities.log_density[:, : width + 1])
    module.location.copy_(torch.from_numpy(densities.location))
    module.scale.copy_(torch.from_numpy(densities.scale))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_bound_is_that_of_torch(name: str, widths: tuple[int, tuple[int, ...]], seed: int) -> None:
    """For every likelihood, prior, width and pattern of missing cells: within 1e-4 nats, or a millionth."""
    architecture, schema = ARCHITECTURES[name], schema_of(*widths)
    member, state = member_of(architecture, schema, seed)
    cells = rows_of(schema, 300, seed)
    found = Session(bounds_model(schema, [[state]]))(cells)[:, 0]
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, 0.7 * member.bounds(cells), rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_row_has_the_same_bits_everywhere(name: str, widths: tuple[int, tuple[int, ...]]) -> None:
    """Alone, in any order, and among rows that are far from all others."""
    schema = schema_of(*widths)
    run = Session(bounds_model(schema, [[member_of(ARCHITECTURES[name], schema, 1)[1]]]))
    cells, random = rows_of(schema, 400, 1), np.random.default_rng(0)
    whole = run(cells)
    for _ in range(3):
        order = random.permutation(len(cells))
        np.testing.assert_array_equal(run(cells[order]), whole[order])
    for start, size in ((0, 1), (5, 1), (399, 1), (3, 2), (9, 15), (9, 16), (9, 17), (11, 131)):
        np.testing.assert_array_equal(run(cells[start : start + size]), whole[start : start + size])
    wild = cells[:64].copy()
    wild[::2] = 332.0
    np.testing.assert_array_equal(run(wild)[1::2], whole[1:64:2])
