"""The members of a model: which closed-form member a table gets, and how the two are weighted."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import settings
from numpy.typing import NDArray

from anomaly_vae import TabularVAEDetector, load, save
from anomaly_vae.columns.table import Table, TableEncoder, take_rows
from anomaly_vae.detectors._members import MemberBuilder
from anomaly_vae.detectors._model import Member
from anomaly_vae.detectors._recipe import MAX_EXEMPLARS, ClosedForm, Recipe, novelty_recipe, outlier_recipe
from anomaly_vae.detectors._splits import split_rows
from anomaly_vae.detectors._state import module_state
from anomaly_vae.nn.priors import ExemplarPrior, StandardNormal

Floats = NDArray[np.float64]
LAW = settings(deadline=None, max_examples=100, derandomize=True)


def numbers(n_rows: int, n_columns: int = 3, seed: int = 0) -> Floats:
    """Correlated numbers."""
    random = np.random.default_rng(seed)
    return random.normal(size=(n_rows, n_columns)) @ np.random.default_rng(9).normal(size=(n_columns,) * 2)


def mixed(n_rows: int, seed: int = 0) -> pd.DataFrame:
    """Numbers, one sometimes missing, a category, a boolean and a constant."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame(numbers(n_rows, 3, seed), columns=["a", "b", "c"])
    table["c"] = table["c"].where(random.random(n_rows) < 0.8)
    table["kind"] = np.where(table["a"] > 0, "up", random.choice(["down", "flat"], n_rows))
    table["valid"] = random.random(n_rows) < 0.9
    table["unit"] = 7.0
    return table


def fit(X: Table, novelty: bool, random_state: int = 0, **params: Any) -> TabularVAEDetector:
    """A detector trained for a few steps, after which its two members differ."""
    params = {"max_steps": 20, **params}
    detector = TabularVAEDetector(novelty=novelty, random_state=random_state, **params)
    detector.fit(X)
    return detector


def start(X: Table, recipe: Recipe) -> MemberBuilder:
    """The members of a table, all of whose rows are trained on."""
    encoder = TableEncoder.fit(X)
    rows = torch.from_numpy(encoder.transform(X))
    return MemberBuilder(encoder, rows, recipe, len(rows), torch.Generator().manual_seed(0))


def bounds(member: Member, X: Table, encoder: TableEncoder) -> Floats:
    """The member's bound of each row, unweighted, in nats."""
    return np.asarray(member.terms(encoder.transform(X)).sum(axis=1))


def spread(values: Floats) -> float:
    """Median absolute deviation."""
    return float(np.median(np.abs(values - np.median(values))))


class Case(NamedTuple):
    """A fitted detector, its training rows and new rows."""

    detector: TabularVAEDetector
    X: Table
    new: Table


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    """One detector of each kind of closed-form member, and of each kind of table that leads to it."""
    tables: dict[str, tuple[Table, Table, bool]] = {
        "exemplars": (numbers(300), numbers(100, seed=1), True),
        "linear of categories": (mixed(300), mixed(100, 1), True),
        "linear of a wide table": (numbers(20, 40), numbers(100, 40, seed=1), True),
        "linear of a wide contaminated table": (numbers(20, 40), numbers(100, 40, seed=1), False),
        "columns of numbers": (numbers(300, 10), numbers(100, 10, seed=1), False),
        "columns of all kinds": (mixed(300), mixed(100, 1), False),
    }
    return {name: Case(fit(X, novelty), X, new) for name, (X, new, novelty) in tables.items()}


CASES = [
    "exemplars",
    "linear of categories",
    "linear of a wide table",
    "linear of a wide contaminated table",
    "columns of numbers",
    "columns of all kinds",
]


@pytest.mark.parametrize("name", CASES)
def test_weights_are_shares(cases: dict[str, Case], name: str) -> None:
    """The weights of a model's members are positive and sum to one."""
    weights = [member.weight for member in cases[name].detector.model_.members]
    assert len(weights) == 2
    assert min(weights) > 0
    assert sum(weights) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_the_score_is_the_weighted_mean_of_the_bounds(cases: dict[str, Case], name: str) -> None:
    """The members' bounds of the encoded rows, times their weights, sum to the score; so do contributions."""
    detector, _, new = cases[name]
    model, scores = detector.model_, detector.score_samples(new)
    by_member = np.array([bounds(member, new, model.encoder) for member in model.members])
    weights = np.array([member.weight for member in model.members])
    np.testing.assert_allclose(weights @ by_member, scores, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(detector.score_contributions(new).sum(axis=1), scores, rtol=1e-9, atol=1e-9)
    assert not np.allclose(by_member[0], by_member[1], atol=0.1)


@pytest.mark.parametrize("name", CASES)
def test_a_saved_model_scores_alike(cases: dict[str, Case], name: str, tmp_path: Path) -> None:
    """Through a file, every kind of closed-form member keeps its scores and its weight to the last bit."""
    detector, _, new = cases[name]
    save(detector, tmp_path / "model.avae")
    loaded = load(tmp_path / "model.avae")
    assert np.array_equal(loaded.score_samples(new), detector.score_samples(new))
    for one, other in zip(loaded.model_.members, detector.model_.members, strict=True):
        assert (one.weight, one.architecture) == (other.weight, other.architecture)


@pytest.mark.parametrize(
    ("X", "recipe"),
    [
        (mixed(300), novelty_recipe(300, 13, has_categories=True)),
        (numbers(300), outlier_recipe(300, 3)),
        (mixed(300), outlier_recipe(300, 13)),
    ],
    ids=["linear", "columns of numbers", "columns of all kinds"],
)
def test_each_bound_counts_in_units_of_its_spread(X: Table, recipe: Recipe) -> None:
    """Over training rows, the spreads of the weighted bounds are in the proportion given by the recipe."""
    members = start(X, recipe)
    closed_form, network = members.weighted(members.network((8,)), replace(members.closed_form(), weight=0.0))
    half = members.rows[: len(members.rows) // 2].numpy()
    shares = [member.weight * spread(member.terms(half).sum(axis=1)) for member in (closed_form, network)]
    assert shares[0] / shares[1] == pytest.approx(recipe.closed_form_weight, rel=1e-5)


def test_a_spread_is_not_measured_on_exemplars() -> None:
    """With exemplars as rows, the spread of an exemplar member would be too small."""
    X, new = numbers(400, 6), numbers(400, 6, seed=1)
    members = start(X, novelty_recipe(400, 6, has_categories=False))
    closed_form, network = members.weighted(members.network(()), members.closed_form())
    known, unknown = (
        [member.weight * spread(bounds(member, rows, members.encoder)) for member in (closed_form, network)]
        for rows in (X, new)
    )
    assert 0.8 < unknown[0] / unknown[1] < 4.0  # 2 in the recipe
    assert known[0] / known[1] < 0.5 * unknown[0] / unknown[1]


@pytest.mark.parametrize("novelty", [True, False])
@pytest.mark.parametrize("kind", ["numbers", "all kinds"])
def test_held_out_rows_do_not_influence_the_model(novelty: bool, kind: str) -> None:
    """With other calibration rows, the encoder, networks and weights have the same bits."""
    X, other = (
        (numbers(200), 50.0 * numbers(200, seed=1)) if kind == "numbers" else (mixed(200), mixed(200, 1))
    )
    split = split_rows(200, "auto", False, np.random.RandomState(0))
    assert len(split.calibration) == 40
    one, replaced, control = (
        fit(_with_rows(X, other, rows), novelty)
        for rows in (split.calibration[:0], split.calibration, split.train[:1])
    )
    assert not np.array_equal(one.calibration_scores_, replaced.calibration_scores_)
    assert _same_bits(one, replaced)
    assert not _same_bits(one, control)


def _with_rows(X: Table, other: Table, rows: NDArray[np.int64]) -> Table:
    """A copy of X with some of its rows replaced by those of another table."""
    changed = X.copy()
    if isinstance(changed, pd.DataFrame):
        changed.iloc[rows] = take_rows(other, rows)
    else:
        changed[rows] = take_rows(other, rows)
    return changed


def _same_bits(one: TabularVAEDetector, other: TabularVAEDetector) -> bool:
    """Whether the encoders' numbers and the members are the same to the last bit."""
    numeric = [detector.model_.encoder.numeric.get_state() for detector in (one, other)]
    pairs = [(numeric[0][name], numeric[1][name]) for name in numeric[0]]
    for a, b in zip(one.model_.members, other.model_.members, strict=True):
        states = module_state(a.module), module_state(b.module)
        pairs += [(a.weight, b.weight), (a.draw, b.draw)]
        pairs += [(states[0][name], states[1][name]) for name in states[0]]
    return all(np.array_equal(x, y, equal_nan=True) for x, y in pairs)


@pytest.mark.parametrize(("n_rows", "n_exemplars"), [(100, 80), (3000, MAX_EXEMPLARS)])
def test_clean_numbers_get_a_bounded_number_of_exemplars(n_rows: int, n_exemplars: int) -> None:
    """The latents of the training rows, but at most ``MAX_EXEMPLARS`` exemplars."""
    closed_form, network = fit(numbers(n_rows), novelty=True, max_steps=2).model_.members
    assert isinstance(closed_form.module.prior, ExemplarPrior)
    assert len(closed_form.module.prior.exemplars) == closed_form.architecture.n_exemplars == n_exemplars
    assert closed_form.architecture.hidden_sizes == ()
    assert isinstance(network.module.prior, StandardNormal)


def test_numbers_with_missing_cells_and_constants_get_exemplars() -> None:
    """Neither changes the kind of the closed-form member."""
    X = np.c_[numbers(100), np.full(100, 7.0)]
    X[::5, 0] = np.nan
    assert fit(X, novelty=True, max_steps=2).model_.members[0].architecture.n_exemplars == 80


def test_clean_categories_and_wide_tables_get_a_linear_closed_form(cases: dict[str, Case]) -> None:
    """If distances have no common unit, or rows are fewer than cells: a linear VAE with prior N(0, I)."""
    for name in CASES:
        closed_form, network = cases[name].detector.model_.members
        if name.startswith("linear"):
            assert isinstance(closed_form.module.prior, StandardNormal), name
            assert closed_form.architecture == replace(network.architecture, hidden_sizes=()), name


def test_contaminated_tables_get_independent_columns(cases: dict[str, Case]) -> None:
    """One latent, no hidden layer and prior N(0, I); the network has several latents and hidden layers."""
    for name in ("columns of numbers", "columns of all kinds"):
        closed_form, network = cases[name].detector.model_.members
        assert (closed_form.architecture.latent_dim, closed_form.architecture.hidden_sizes) == (1, ()), name
        assert isinstance(closed_form.module.prior, StandardNormal), name
        assert network.architecture.latent_dim > 1, name
        assert network.architecture.hidden_sizes, name


@pytest.mark.parametrize("name", ["columns of numbers", "columns of all kinds"])
def test_independent_columns_ignore_dependence(cases: dict[str, Case], name: str) -> None:
    """Two rows that exchange any cell keep the sum of their bounds."""
    detector, _, new = cases[name]
    (closed_form, _), encoder = detector.model_.members, detector.model_.encoder
    for swapped in _swapped_tables(pd.DataFrame(new)):
        before, after = (_pair_sums(bounds(closed_form, rows, encoder)) for rows in (new, swapped))
        np.testing.assert_allclose(before, after, rtol=0, atol=1e-4)


def test_the_network_models_dependence(cases: dict[str, Case]) -> None:
    """The same exchange of cells in correlated columns changes most sums of bounds under the network."""
    detector, _, new = cases["columns of numbers"]
    (_, network), encoder = detector.model_.members, detector.model_.encoder
    for swapped in _swapped_tables(pd.DataFrame(new)):
        before, after = (_pair_sums(bounds(network, rows, encoder)) for rows in (new, swapped))
        assert np.mean(np.abs(before - after) > 0.01) > 0.5


def _swapped_tables(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """For each column, the table in which each even row has exchanged that cell with the next row."""
    for column in table:
        swapped = table.copy()
        swapped[column] = table[column].to_numpy()[_pairwise_exchange(len(table))]
        yield swapped


def _pairwise_exchange(n_rows: int) -> NDArray[np.int64]:
    """Positions of rows, with each even row and the next one exchanged."""
    return np.arange(n_rows).reshape(-1, 2)[:, ::-1].ravel()


def _pair_sums(values: Floats) -> Floats:
    return np.asarray(values.reshape(-1, 2).sum(axis=1))


def test_the_latent_term_of_independent_columns_is_zero(cases: dict[str, Case]) -> None:
    """In every row, because the posterior is the prior."""
    detector, _, new = cases["columns of all kinds"]
    latent = detector.model_.members[0].terms(detector.model_.encoder.transform(new))[:, -1]
    assert np.array_equal(latent, np.zeros(len(latent)))


def test_exemplars_detect_rows_between_clusters() -> None:
    """Between two clusters the exemplar member scores below all rows, and the linear one above most rows."""
    random = np.random.default_rng(0)
    X = np.r_[random.normal(-5, 0.3, size=(150, 2)), random.normal(5, 0.3, size=(150, 2))]
    recipe = novelty_recipe(300, 2, has_categories=False)
    for kind, least, most in ((ClosedForm.EXEMPLARS, 1.0, 1.0), (ClosedForm.LINEAR, 0.0, 0.5)):
        members = start(X, replace(recipe, closed_form=kind))
        seen, between = (
            bounds(members.closed_form(), rows, members.encoder) for rows in (X, np.zeros((1, 2)))
        )
        assert least <= np.mean(seen > between) <= most, kind


def test_rows_that_repeat_are_one_exemplar_each() -> None:
    """Forty copies of fifty rows give at most fifty exemplars, and no warning about empty clusters."""
    X = np.tile(numbers(50, 4), (40, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        closed_form = fit(X, novelty=True, max_steps=2).model_.members[0]
    assert 1 < closed_form.architecture.n_exemplars <= 50


def test_a_seed_gives_the_same_exemplars() -> None:
    """Clusters of many rows have the same bits with the same seed, and differ with another seed."""
    X = numbers(3000)
    one, again, other = (
        module_state(fit(X, novelty=True, random_state=seed, max_steps=2).model_.members[0].module)
        for seed in (3, 3, 4)
    )
    assert all(np.array_equal(one[name], again[name]) for name in one)
    assert not np.array_equal(one["prior.exemplars"], other["prior.exemplars"])
