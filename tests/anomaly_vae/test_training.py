"""Training: it beats what it started from, is driven by one generator, and keeps what it should keep."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from anomaly_vae.nn.likelihoods import TableLikelihood
from anomaly_vae.nn.ppca import fit_ppca
from anomaly_vae.nn.threads import one_thread
from anomaly_vae.nn.vae import VAE
from anomaly_vae.training import (
    _LAST_RATE,
    _WARM_UP,
    History,
    Schedule,
    _batches,
    _mean_elbo,
    _rate,
    _Stack,
    fit_module,
    fit_modules,
)

LAW = settings(deadline=None, max_examples=40, derandomize=True)

SCHEDULE = Schedule(n_steps=60, batch_size=64, learning_rate=5e-3, input_noise=0.1, keep=1.0)


def generated(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def curve(n_rows: int, seed: int) -> Tensor:
    """Points near a curve in 4 dimensions: one latent is enough, and no plane holds them."""
    random = np.random.default_rng(seed)
    t = random.normal(size=n_rows)
    points = np.stack([t, (t**2 - 1.0) / 1.5, np.sin(2.0 * t), t + np.cos(2.0 * t)], axis=1)
    return torch.from_numpy(points + 0.15 * random.normal(size=points.shape)).float()


def started(x: Tensor, latent_dim: int = 2, hidden_sizes: tuple[int, ...] = (32,), keep: float = 1.0) -> VAE:
    """A VAE of numbers at the closed-form start."""
    likelihood = TableLikelihood(x.shape[1], [], 0.05, len(x))
    likelihood.observe(np.zeros(0), np.zeros(x.shape[1], dtype=bool))
    module = VAE(likelihood, latent_dim, hidden_sizes)
    module.start(fit_ppca(torch.nan_to_num(x), latent_dim, 0.05**2, keep), generated(1))
    return module


def fitted(module: VAE, x: Tensor, schedule: Schedule = SCHEDULE, seed: int = 2, **others: Tensor) -> History:
    with one_thread():
        return fit_module(module, x, schedule, generated(seed), **others)


def mean_elbo(module: VAE, x: Tensor) -> float:
    """Mean bound of rows by the points one standard deviation away."""
    with torch.no_grad():
        return float(module.antithetic_elbo(x, torch.ones(module.latent_dim)).total().mean())


def weights(module: VAE) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


# ---------------------------------------------------------------------------------- something is learned
def test_a_trained_network_beats_pca_and_what_it_started_from() -> None:
    """On held-out rows of a curve training gains a nat over its start, which is pPCA, and over any pPCA."""
    train, held_out = curve(1500, seed=0), curve(500, seed=1)
    module = started(train)
    start = mean_elbo(module, held_out)
    best_linear = max(float(fit_ppca(train, k, 1e-4).log_prob(held_out).mean()) for k in (1, 2, 3))
    history = fitted(module, train, replace(SCHEDULE, n_steps=400), validation=held_out)
    assert start == pytest.approx(float(fit_ppca(train, 2, 1e-4).log_prob(held_out).mean()), abs=1e-2)
    assert mean_elbo(module, held_out) > max(start, best_linear) + 1.0
    assert history.elbo_train[-1] > history.elbo_train[0] + 1.0
    assert history.elbo_validation[-1] > history.elbo_validation[0] + 0.5


@pytest.mark.slow
def test_the_latent_term_is_trained() -> None:
    """Rows without any value have nothing to explain: training brings q to the prior, KL below 0.01 nats."""
    x = curve(200, seed=0)
    module = started(x)
    nothing = torch.full_like(x, torch.nan)
    before = float(-module.antithetic_elbo(nothing, torch.zeros(2)).latent.detach().mean())
    fitted(module, nothing, replace(SCHEDULE, n_steps=300, learning_rate=3e-2))
    elbo = module.antithetic_elbo(nothing, torch.zeros(2))
    assert before > 0.5
    assert float(-elbo.latent.detach().mean()) < 0.01
    assert float(elbo.features.detach().abs().max()) == 0.0


def test_missing_cells_do_not_hinder() -> None:
    """With a fifth of the cells missing weights stay finite and the ELBO of whole rows rises."""
    x = curve(600, seed=0)
    holed = torch.where(torch.rand(x.shape, generator=generated(5)) < 0.2, torch.nan, x)
    module = started(holed)
    before = mean_elbo(module, x)
    fitted(module, holed, replace(SCHEDULE, n_steps=200))
    assert all(torch.isfinite(weight).all() for weight in weights(module))
    assert mean_elbo(module, x) > before + 0.1


def test_an_extreme_row_does_not_break_training() -> None:
    """A row as far away as an encoder puts one leaves finite weights and most rows well explained."""
    x = curve(600, seed=0)
    wild = x.clone()
    wild[0] = 332.0
    module = started(x)
    fitted(module, wild, replace(SCHEDULE, n_steps=200))
    assert all(torch.isfinite(weight).all() for weight in weights(module))
    with torch.no_grad():
        typical = module.antithetic_elbo(x, torch.ones(2)).total().median()
    assert typical > fit_ppca(x, 2, 1e-4).log_prob(x).median() + 0.5


# -------------------------------------------------------------------------------------------- trimming
def direction(module: VAE) -> Tensor:
    """Orthonormal directions of the linear decoder."""
    return torch.linalg.qr(module.decoder.weight.detach().T).Q


def angle(module: VAE, other: VAE) -> float:
    """Largest principal angle between what two linear decoders span, in degrees."""
    cosine = torch.linalg.svdvals(direction(module).T @ direction(other)).min().clamp(max=1.0)
    return math.degrees(math.acos(float(cosine)))


@pytest.mark.slow
def test_trimmed_training_ignores_gross_outliers() -> None:
    """With keep=0.7 a tenth of outliers hardly turns a linear decoder; with keep=1 it turns it away."""
    generator = generated(0)
    loadings = torch.tensor([[1.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]])
    clean = torch.randn(900, 2, generator=generator) @ loadings + 0.3 * torch.randn(
        900, 6, generator=generator
    )
    wild = torch.tensor([0.0, 0.0, 0.0, 0.0, 12.0, -12.0]) * torch.randn(100, 1, generator=generator)
    dirty = torch.cat([clean, wild])
    schedule = Schedule(n_steps=400, batch_size=100, learning_rate=1e-2, input_noise=0.1, keep=0.7)
    modules = {}
    for name, x, keep in (("clean", clean, 0.7), ("trimmed", dirty, 0.7), ("whole", dirty, 1.0)):
        modules[name] = started(clean, hidden_sizes=())
        fitted(modules[name], x, replace(schedule, keep=keep))
    assert angle(modules["clean"], modules["trimmed"]) < 5.0
    assert angle(modules["clean"], modules["whole"]) > 20.0
    assert mean_elbo(modules["trimmed"], clean) > mean_elbo(modules["whole"], clean) + 1.0


def test_the_training_elbo_is_that_of_the_kept_rows() -> None:
    """A wild row lowers the history of a training that keeps it, and not of one that trims it."""
    x = curve(100, seed=0)
    wild = x.clone()
    wild[:5] = 30.0
    schedule = replace(SCHEDULE, n_steps=1, batch_size=100, input_noise=0.0)
    kept, trimmed, clean = (
        fitted(started(x), rows, replace(schedule, keep=keep)).elbo_train[0]
        for rows, keep in ((wild, 1.0), (wild, 0.9), (x, 0.9))
    )
    assert kept < clean - 50.0
    assert trimmed == pytest.approx(clean, abs=1.0)


def test_the_encoder_is_trained_on_noisy_input() -> None:
    """Noise on the input lowers the ELBO that is trained on, and not the one of validation rows."""
    x = curve(100, seed=0)
    schedule = replace(SCHEDULE, n_steps=1, batch_size=100, learning_rate=1e-9)
    clean, noisy = (
        fitted(started(x), x, replace(schedule, input_noise=noise), validation=x) for noise in (0.0, 2.0)
    )
    assert noisy.elbo_train[0] < clean.elbo_train[0] - 1.0
    assert noisy.elbo_validation[0] == pytest.approx(clean.elbo_validation[0], abs=1e-3)


# ------------------------------------------------------------------------------- one source of randomness
def test_the_same_seed_gives_the_same_weights() -> None:
    """Bit for bit the same weights from the same seed, others from another."""
    x = curve(300, seed=0)
    modules = [started(x) for _ in range(3)]
    for module, seed in zip(modules, (7, 7, 8), strict=True):
        fitted(module, x, seed=seed)
    one, same, other = map(weights, modules)
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_watching_does_not_change_what_is_learned() -> None:
    """Validation rows and a callback are looked at; the weights are the same without them."""
    x = curve(300, seed=0)
    alone, watched = started(x), started(x)
    seen: list[int] = []
    fitted(alone, x)
    with one_thread():
        fit_module(watched, x, SCHEDULE, generated(2), curve(50, seed=1), lambda step, _: seen.append(step))
    assert seen
    assert all(torch.equal(a, b) for a, b in zip(weights(alone), weights(watched), strict=True))


def test_rows_are_not_written_to() -> None:
    """Training leaves its rows as they were."""
    x = curve(100, seed=0)
    before = x.clone()
    fitted(started(x), x, replace(SCHEDULE, n_steps=5))
    assert torch.equal(x, before)


# ---------------------------------------------------------------------------------------- several modules
def test_modules_are_trained_apart() -> None:
    """A module of several learns the same whatever the rows of the others, up to rounding."""
    x, other = curve(200, seed=0), curve(200, seed=1)
    alone, beside = started(x), started(x)
    for companion, module in ((x, alone), (other, beside)):
        with one_thread():
            fit_modules([module, started(companion)], torch.stack([x, companion]), SCHEDULE, generated(2))
    for one, two in zip(weights(alone), weights(beside), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("missing", [False, True])
def test_several_modules_learn_as_much_as_one(missing: bool) -> None:
    """Each of three networks gains as much on held-out rows as one that is trained alone."""
    x, held_out = curve(600, seed=0), curve(300, seed=1)
    if missing:
        x = torch.where(torch.rand(x.shape, generator=generated(5)) < 0.2, torch.nan, x)
    modules, alone = [started(x) for _ in range(3)], started(x)
    schedule = replace(SCHEDULE, n_steps=200)
    before = mean_elbo(alone, held_out)
    fitted(alone, x, schedule)
    with one_thread():
        fit_modules(modules, x.expand(3, -1, -1), schedule, generated(7))
    gain = mean_elbo(alone, held_out) - before
    assert all(mean_elbo(module, held_out) - before > 0.7 * gain > 0.1 for module in modules)
    assert not torch.equal(modules[0].encoder.weight, modules[1].encoder.weight)


# ------------------------------------------------------------------------------------------ early stopping
def overfitting() -> tuple[VAE, Tensor, Tensor, Schedule]:
    """A network that overfits 40 rows of pure noise, and held-out rows that show it."""
    x, held_out = torch.randn(2, 40, 6, generator=generated(0))
    schedule = replace(SCHEDULE, n_steps=600, batch_size=40, learning_rate=2e-2, input_noise=0.0)
    return started(x, hidden_sizes=(64,)), x, held_out, schedule


def test_early_stopping_goes_back_to_the_best_weights() -> None:
    """Training ends five checks after the best one, with the weights of the best one."""
    module, x, held_out, schedule = overfitting()
    history = fitted(module, x, replace(schedule, early_stopping=True), validation=held_out)
    best = max(history.elbo_validation)
    now = _mean_elbo(_Stack([module], has_missing=False), held_out[None])
    assert history.step[-1] < schedule.n_steps
    assert history.elbo_validation.index(best) == len(history.elbo_validation) - 6
    assert history.elbo_validation[-1] < best - 0.2
    assert now == pytest.approx(best, abs=1e-5)


def test_without_early_stopping_the_budget_is_spent() -> None:
    """Without it training goes on to the last step, and the last weights stay."""
    module, x, held_out, schedule = overfitting()
    history = fitted(module, x, replace(schedule, n_steps=200), validation=held_out)
    now = _mean_elbo(_Stack([module], has_missing=False), held_out[None])
    assert history.step[-1] == 200
    assert now == pytest.approx(history.elbo_validation[-1], abs=1e-5)


def test_early_stopping_without_rows_to_watch_spends_the_budget() -> None:
    """Without validation rows there is nothing to stop by."""
    x = curve(100, seed=0)
    history = fitted(started(x), x, replace(SCHEDULE, early_stopping=True))
    assert history.step[-1] == SCHEDULE.n_steps
    assert history.elbo_validation == []


# ------------------------------------------------------------------------------------- history, callbacks
@pytest.mark.parametrize("n_steps", [1, 7, 20, 33, 100])
def test_the_history_has_about_twenty_checks(n_steps: int) -> None:
    """Checks rise to the last step, each with both ELBOs, and the callback receives each."""
    x, told = curve(60, seed=0), []
    schedule = replace(SCHEDULE, n_steps=n_steps)
    with one_thread():
        history = fit_module(
            started(x), x, schedule, generated(0), x[:20], lambda step, elbo: told.append((step, elbo))
        )
    assert history.step == sorted(set(history.step))
    assert history.step[-1] == n_steps
    assert min(n_steps, 20) <= len(history.step) <= 40
    assert len(history.elbo_train) == len(history.elbo_validation) == len(history.step)
    assert told == list(zip(history.step, history.elbo_train, strict=True))


@pytest.mark.parametrize("n_rows", [1, 2, 50])
def test_a_batch_may_be_larger_than_the_table(n_rows: int) -> None:
    """With fewer rows than a batch every step takes all of them."""
    x = curve(n_rows, seed=0)
    history = fitted(started(x), x, replace(SCHEDULE, n_steps=10, batch_size=1000))
    assert history.step[-1] == 10
    assert np.isfinite(history.elbo_train).all()


# ------------------------------------------------------------------------------------ batches and the rate
@LAW
@given(n_batches=st.integers(1, 6), size=st.integers(1, 9), seed=st.integers(0, 99))
def test_every_row_is_visited_once_an_epoch(n_batches: int, size: int, seed: int) -> None:
    """Where batches divide the rows, each epoch is a permutation of them, and each another one."""
    n_rows = n_batches * size
    schedule = replace(SCHEDULE, n_steps=3 * n_batches, batch_size=size)
    batches = list(_batches(torch.zeros(2, n_rows, 1), schedule, generated(seed)))
    visits, others = torch.cat(batches, dim=1).reshape(2, 3, n_rows)
    assert (others.sort(dim=1).values == torch.arange(n_rows)).all()
    assert (visits.sort(dim=1).values == torch.arange(n_rows)).all()
    if n_rows >= 12:
        assert not torch.equal(visits[0], visits[1])
        assert not torch.equal(visits, others)


@LAW
@given(n_rows=st.integers(1, 40), batch_size=st.integers(1, 60), n_steps=st.integers(1, 30))
def test_batches_are_full_and_no_row_comes_twice_an_epoch(n_rows: int, batch_size: int, n_steps: int) -> None:
    """Every batch is full; no row comes twice in an epoch, which leaves out less than a batch of them."""
    schedule = replace(SCHEDULE, n_steps=n_steps, batch_size=batch_size)
    batches = [batch[0] for batch in _batches(torch.zeros(1, n_rows, 1), schedule, generated(0))]
    size = min(batch_size, n_rows)
    assert [len(batch) for batch in batches] == [size] * n_steps
    per_epoch = n_rows // size
    for start in range(0, n_steps, per_epoch):
        epoch = torch.cat(batches[start : start + per_epoch]).tolist()
        assert len(set(epoch)) == len(epoch)
        assert set(epoch) <= set(range(n_rows))


@LAW
@given(n_steps=st.integers(1, 3000), data=st.data())
def test_the_rate_stays_within_its_bounds(n_steps: int, data: st.DataObject) -> None:
    """The factor is above 0 and at most 1, never falls in the warm-up and never rises after it."""
    step = data.draw(st.integers(0, n_steps))
    now, then = _rate(step, n_steps), _rate(step + 1, n_steps)
    assert 0.0 < now <= 1.0
    if step + 1 >= _WARM_UP:
        assert now >= _LAST_RATE
        assert then <= now
    elif 2 * (step + 1) <= n_steps:
        assert then >= now


def test_the_rate_warms_up_stays_and_decays() -> None:
    """A twentieth at first, 1 to half of the budget, half at three quarters, 3 % at the end."""
    assert [_rate(step, 1000) for step in (0, 19, 500, 750, 1000)] == pytest.approx([0.05, 1, 1, 0.5, 0.03])


def test_only_the_hidden_layers_are_shrunk() -> None:
    """Where nothing is to be learned weight decay shrinks the MLPs and leaves linear maps and noise alone."""
    x = torch.full((50, 4), torch.nan)
    module = started(curve(50, seed=0))
    with torch.no_grad():
        module.encoder.bias.zero_()
    before = {name: parameter.detach().clone() for name, parameter in module.named_parameters()}
    fitted(module, x, replace(SCHEDULE, n_steps=100, learning_rate=0.1, input_noise=0.0))
    for name, parameter in module.decoder.named_parameters():
        if name.startswith("residual") and name.endswith("weight") and bool((parameter != 0).any()):
            assert parameter.norm() < before[f"decoder.{name}"].norm(), name
        else:
            assert torch.equal(parameter, before[f"decoder.{name}"]), name
    assert torch.equal(module.likelihood.log_noise, before["likelihood.log_noise"])


def test_the_validation_elbo_is_the_bound() -> None:
    """What history records of held-out rows agrees with the mean over many draws, not with z at its mean."""
    module, x, held_out, schedule = overfitting()
    fitted(module, x, replace(schedule, n_steps=20, learning_rate=1e-3), validation=held_out)
    rows = held_out.repeat(200, 1)
    noise = torch.randn((len(rows), module.latent_dim), generator=generated(5))
    with torch.no_grad():
        many = float(module.elbo(rows, noise).total().mean())
        at_mean = float(module.elbo(held_out, torch.zeros(len(held_out), module.latent_dim)).total().mean())
    assert abs(_mean_elbo(_Stack([module], has_missing=False), rows[None]) - many) < 0.1
    assert at_mean > many + 0.2
