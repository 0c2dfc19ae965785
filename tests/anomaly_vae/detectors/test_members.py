"""The members of a model: which ones a table gets, and how they are weighted."""

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
from anomaly_vae.detectors._recipe import MAX_EXEMPLARS, Recipe, novelty_recipe
from anomaly_vae.detectors._splits import split_rows
from anomaly_vae.nn.build import weights_of
from anomaly_vae.nn.histogram import ColumnHistogram
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
    """A detector trained for a few steps, after which its members differ."""
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
    """A fitted detector, its training rows, new rows, and the number of members of each ensemble."""

    detector: TabularVAEDetector
    X: Table
    new: Table
    n_members: int


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    """One detector of each set of members, and of each kind of table that leads to it."""
    tables: dict[str, tuple[Table, Table, bool, int]] = {
        "exemplars": (numbers(2100), numbers(100, seed=1), True, 3),
        "exemplars of folds": (numbers(300), numbers(100, seed=1), True, 3),
        "clean rows of all kinds": (mixed(300), mixed(100, 1), True, 3),
        "a wide table": (numbers(20, 40), numbers(100, 40, seed=1), True, 2),
        "a wide contaminated table": (numbers(20, 40), numbers(100, 40, seed=1), False, 2),
        "contaminated numbers": (numbers(300, 10), numbers(100, 10, seed=1), False, 3),
        "contaminated rows of all kinds": (mixed(300), mixed(100, 1), False, 3),
    }
    return {name: Case(fit(X, novelty), X, new, n) for name, (X, new, novelty, n) in tables.items()}


CASES = [
    "exemplars",
    "exemplars of folds",
    "clean rows of all kinds",
    "a wide table",
    "a wide contaminated table",
    "contaminated numbers",
    "contaminated rows of all kinds",
]


@pytest.mark.parametrize("name", CASES)
def test_weights_are_shares(cases: dict[str, Case], name: str) -> None:
    """The weights of an ensemble's members are positive, sum to one, and are the same in every ensemble."""
    model = cases[name].detector.model_
    weights = np.array([[member.weight for member in ensemble] for ensemble in model.ensembles])
    assert weights.shape[1] == cases[name].n_members
    assert weights.min() > 0
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-12)
    assert (weights == weights[0]).all()


@pytest.mark.parametrize("name", CASES)
def test_the_score_is_the_largest_weighted_mean_of_the_bounds(cases: dict[str, Case], name: str) -> None:
    """The members' bounds of the encoded rows, times their weights, sum to the score; so do contributions."""
    detector, _, new, _ = cases[name]
    model, scores = detector.model_, detector.score_samples(new)
    by_member = np.array([[bounds(member, new, model.encoder) for member in one] for one in model.ensembles])
    weights = np.array([member.weight for member in model.ensembles[0]])
    by_ensemble = np.einsum("m,emr->er", weights, by_member)
    np.testing.assert_allclose(by_ensemble.max(axis=0), scores, rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(detector.score_contributions(new).sum(axis=1), scores, rtol=1e-9, atol=1e-9)
    assert not np.allclose(by_member[0, 0], by_member[0, -1], atol=0.1)


@pytest.mark.parametrize("name", CASES)
def test_a_saved_model_scores_alike(cases: dict[str, Case], name: str, tmp_path: Path) -> None:
    """Through a file, every kind of member keeps its scores and its weight to the last bit."""
    detector, _, new, _ = cases[name]
    save(detector, tmp_path / "model.avae")
    loaded = load(tmp_path / "model.avae")
    assert np.array_equal(loaded.score_samples(new), detector.score_samples(new))
    for one, other in zip(_members(loaded), _members(detector), strict=True):
        assert (one.weight, one.architecture) == (other.weight, other.architecture)


@pytest.mark.parametrize("novelty", [True, False])
@pytest.mark.parametrize("X", [mixed(2100), numbers(2100)], ids=["all kinds", "numbers"])
def test_each_bound_counts_in_units_of_its_spread(X: Table, novelty: bool) -> None:
    """Over rows that are not trained on, the spreads of the weighted bounds are as in the recipe."""
    detector = fit(X, novelty)
    [split] = split_rows(2100, "auto", False, np.random.RandomState(0))
    model, watched = detector.model_, take_rows(X, split.watch)
    shares = [member.weight * spread(bounds(member, watched, model.encoder)) for member in model.ensembles[0]]
    contaminated = (1.0, 2.0, 1.0) if model.encoder.schema.has_categories else (1.0, 1.0, 1.0)
    wanted = (2.0, 1.0, 2.0) if novelty else contaminated
    np.testing.assert_allclose(np.array(shares) / shares[1], np.array(wanted) / wanted[1], rtol=1e-5)


def test_folds_share_the_weights_of_all_held_out_rows() -> None:
    """Deviations from the median of each fold, by the members that were fitted without it, are pooled."""
    X = numbers(300, 6)
    detector = fit(X, novelty=True)
    splits, model = split_rows(300, "auto", False, np.random.RandomState(0)), detector.model_
    shares = []
    for position in range(3):
        nats = [
            bounds(ensemble[position], X[split.calibration], model.encoder)
            for ensemble, split in zip(model.ensembles, splits, strict=True)
        ]
        pooled = np.concatenate([one - np.median(one) for one in nats])
        shares.append(model.ensembles[0][position].weight * spread(pooled))
    np.testing.assert_allclose(np.array(shares) / shares[1], [2.0, 1.0, 2.0], rtol=1e-5)


@pytest.mark.parametrize("novelty", [True, False])
@pytest.mark.parametrize("kind", ["numbers", "all kinds"])
def test_held_out_rows_do_not_influence_the_model(novelty: bool, kind: str) -> None:
    """With other calibration rows, the encoder, networks and weights have the same bits."""
    X, other = (
        (numbers(200), 50.0 * numbers(200, seed=1)) if kind == "numbers" else (mixed(200), mixed(200, 1))
    )
    [split] = split_rows(200, 0.2, False, np.random.RandomState(0))
    assert len(split.calibration) == 40
    one, replaced, control, watched = (
        fit(_with_rows(X, other, rows), novelty, validation_fraction=0.2)
        for rows in (split.calibration[:0], split.calibration, split.train[:1], split.watch)
    )
    assert not np.array_equal(one.calibration_scores_, replaced.calibration_scores_)
    assert _same_bits(one, replaced)
    assert not _same_bits(one, control)
    assert not _same_bits(one, watched)  # they set the weights


def test_a_fold_does_not_influence_its_ensemble() -> None:
    """With other rows in the first fold, only the other ensembles change, apart from the common weights."""
    X, other = numbers(200), numbers(200, seed=1)
    first = split_rows(200, "auto", False, np.random.RandomState(0))[0].calibration
    low, high = np.argmin(X, axis=0), np.argmax(X, axis=0)
    same_encoder = np.setdiff1d(first, [*low, *high])
    changed = X.copy()
    changed[same_encoder] = X[np.random.default_rng(0).permutation(same_encoder)]
    one, replaced = fit(X, novelty=True), fit(changed, novelty=True)
    del other
    states = [
        [weights_of(member.module) for member in ensemble]
        for detector in (one, replaced)
        for ensemble in detector.model_.ensembles
    ]
    assert _equal(states[0], states[5])
    assert not _equal(states[1], states[6])


def _equal(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    return all(np.array_equal(a[name], b[name]) for a, b in zip(one, other, strict=True) for name in a)


def _members(detector: TabularVAEDetector) -> list[Member]:
    """The members of all ensembles."""
    return [member for ensemble in detector.model_.ensembles for member in ensemble]


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
    for a, b in zip(_members(one), _members(other), strict=True):
        states = weights_of(a.module), weights_of(b.module)
        pairs += [(a.weight, b.weight), (a.draw, b.draw)]
        pairs += [(states[0][name], states[1][name]) for name in states[0]]
    return all(np.array_equal(x, y, equal_nan=True) for x, y in pairs)


@pytest.mark.parametrize(("n_rows", "n_exemplars"), [(100, 80), (3000, MAX_EXEMPLARS)])
def test_clean_numbers_get_a_bounded_number_of_exemplars(n_rows: int, n_exemplars: int) -> None:
    """The latents of the training rows, but at most ``MAX_EXEMPLARS`` exemplars."""
    linear, histogram, network = fit(numbers(n_rows), novelty=True, max_steps=2).model_.ensembles[0]
    assert isinstance(linear.vae.prior, ExemplarPrior)
    assert len(linear.vae.prior.exemplars) == linear.architecture.n_exemplars == n_exemplars
    assert linear.architecture.hidden_sizes == ()
    assert isinstance(histogram.module, ColumnHistogram)
    assert isinstance(network.vae.prior, StandardNormal)


def test_numbers_with_missing_cells_and_constants_get_exemplars() -> None:
    """Neither changes the kind of the linear member."""
    X = np.c_[numbers(100), np.full(100, 7.0)]
    X[::5, 0] = np.nan
    assert fit(X, novelty=True, max_steps=2).model_.ensembles[0][0].architecture.n_exemplars == 80


@pytest.mark.parametrize("name", ["a wide table", "a wide contaminated table"])
def test_wide_tables_get_a_linear_vae_without_exemplars(cases: dict[str, Case], name: str) -> None:
    """If rows are fewer than cells, neither exemplars nor histograms can be estimated."""
    linear, network = cases[name].detector.model_.ensembles[0]
    assert isinstance(linear.vae.prior, StandardNormal)
    assert (linear.architecture.hidden_sizes, network.architecture.hidden_sizes) == ((), (96, 96))


def test_categories_get_a_linear_vae_without_exemplars(cases: dict[str, Case]) -> None:
    """Contaminated numbers get exemplars, of the rows that are kept only."""
    for name in ("clean rows of all kinds", "contaminated rows of all kinds"):
        linear, _, _ = cases[name].detector.model_.ensembles[0]
        assert isinstance(linear.vae.prior, StandardNormal)
    linear, _, _ = cases["contaminated numbers"].detector.model_.ensembles[0]
    assert linear.architecture.n_exemplars == int(0.8 * 240)


def test_anomalies_are_left_out_of_the_closed_form_members() -> None:
    """Rows far from the others, a tenth of all, are not among the exemplars of a contaminated table."""
    X = numbers(300, 4)
    X[:30] += 30.0
    model = fit(X, novelty=False).model_
    for ensemble in model.ensembles:
        prior = ensemble[0].vae.prior
        assert isinstance(prior, ExemplarPrior)
        decoded = model.encoder.inverse_transform(ensemble[0].vae.decode(prior.exemplars).detach().numpy())
        assert decoded.to_numpy().max() < 20.0


HISTOGRAMS = ["exemplars", "clean rows of all kinds", "contaminated rows of all kinds"]


@pytest.mark.parametrize("name", HISTOGRAMS)
def test_histograms_ignore_dependence(cases: dict[str, Case], name: str) -> None:
    """Two rows that exchange any cell keep the sum of their densities."""
    detector, _, new, _ = cases[name]
    (_, histogram, _), encoder = detector.model_.ensembles[0], detector.model_.encoder
    for swapped in _swapped_tables(pd.DataFrame(new)):
        before, after = (_pair_sums(bounds(histogram, rows, encoder)) for rows in (new, swapped))
        np.testing.assert_allclose(before, after, rtol=0, atol=1e-4)


def test_the_network_models_dependence(cases: dict[str, Case]) -> None:
    """The same exchange of cells in correlated columns changes most sums of bounds under the network."""
    detector, _, new, _ = cases["contaminated numbers"]
    (_, _, network), encoder = detector.model_.ensembles[0], detector.model_.encoder
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


def test_the_latent_term_of_a_histogram_is_zero(cases: dict[str, Case]) -> None:
    """In every row, because it has no latents."""
    detector, _, new, _ = cases["clean rows of all kinds"]
    latent = detector.model_.ensembles[0][1].terms(detector.model_.encoder.transform(new))[:, -1]
    assert np.array_equal(latent, np.zeros(len(latent)))


def test_exemplars_detect_rows_between_clusters() -> None:
    """Between two clusters the exemplar member scores below all rows, and the linear one above most rows."""
    random = np.random.default_rng(0)
    X = np.r_[random.normal(-5, 0.3, size=(150, 2)), random.normal(5, 0.3, size=(150, 2))]
    recipe = novelty_recipe(300, 2, has_categories=False)
    for has_exemplars, least, most in ((True, 1.0, 1.0), (False, 0.0, 0.5)):
        linear = replace(recipe.linear, has_exemplars=has_exemplars)
        members = start(X, replace(recipe, linear=linear))
        member = members.closed_form(members.network(()))[0]
        seen, between = (bounds(member, rows, members.encoder) for rows in (X, np.zeros((1, 2))))
        assert least <= np.mean(seen > between) <= most, has_exemplars


def test_rows_that_repeat_are_one_exemplar_each() -> None:
    """Forty copies of fifty rows give at most fifty exemplars, and no warning about empty clusters."""
    X = np.tile(numbers(50, 4), (40, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        closed_form = fit(X, novelty=True, max_steps=2).model_.ensembles[0][0]
    assert 1 < closed_form.architecture.n_exemplars <= 50


def test_a_seed_gives_the_same_exemplars() -> None:
    """Clusters of many rows have the same bits with the same seed, and differ with another seed."""
    X = numbers(3000)
    one, again, other = (
        weights_of(fit(X, novelty=True, random_state=seed, max_steps=2).model_.ensembles[0][0].module)
        for seed in (3, 3, 4)
    )
    assert all(np.array_equal(one[name], again[name]) for name in one)
    assert not np.array_equal(one["prior.exemplars"], other["prior.exemplars"])
