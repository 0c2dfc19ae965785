"""fit_module: a VAE and encoded rows in, a History out.

The budget is a number of steps, not of epochs, so that the time of a fit hardly depends on the number of
rows. The optimizer is AdamW (Loshchilov & Hutter 2019), with a short warm-up, a constant rate for half of the
steps, and a linear decay.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from anomaly_vae.nn.vae import ELBO, VAE

_WARM_UP = 20
_LAST_RATE = 0.03
_MAX_NORM = 10.0
_WEIGHT_DECAY = 1e-4
_N_CHECKS = 20
_PATIENCE = 5
_MAX_CHECK_ROWS = 2048


@dataclass(frozen=True)
class Schedule:
    """How a module is trained.

    Attributes
    ----------
    n_steps, batch_size : int
        Number of steps, and rows per step.
    learning_rate : float
        Learning rate of AdamW after the warm-up.
    input_noise : float
        Standard deviation of the noise added to the input of the encoder.
    keep : float
        Share of each batch that counts, best rows first; below 1, the worst rows are ignored.
    early_stopping : bool
        Stop if the validation ELBO has not risen for five checks, and restore the best weights.
    """

    n_steps: int
    batch_size: int
    learning_rate: float
    input_noise: float
    keep: float
    early_stopping: bool = False


@dataclass
class History:
    """ELBOs at each check of a training run, as means over rows, in nats.

    ``elbo_train`` is the training objective (noisy input, kept rows only), ``elbo_validation`` the
    ELBO of held-out rows without noise (empty if there are none).
    """

    step: list[int] = field(default_factory=list)
    elbo_train: list[float] = field(default_factory=list)
    elbo_validation: list[float] = field(default_factory=list)


def fit_module(
    module: VAE,
    x: Tensor,
    schedule: Schedule,
    generator: torch.Generator,
    validation: Tensor | None = None,
    on_check: Callable[[int, float], None] | None = None,
) -> History:
    """Train ``module`` on rows x (n_rows, n_cells) and return the history.

    ``generator`` is the only source of randomness. ``on_check(step, elbo)`` is called about twenty times with
    the current training ELBO.
    """
    optimizer = _optimizer(module, schedule.learning_rate)
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, schedule.n_steps))
    history, best = History(), _Best(schedule.early_stopping)
    every = max(schedule.n_steps // _N_CHECKS, 1)
    check_rows = None if validation is None else validation[:_MAX_CHECK_ROWS]
    for step, rows in enumerate(_batches(len(x), schedule, generator), start=1):
        elbo = _step(module, x[rows], schedule, optimizer, generator)
        rates.step()
        if step % every == 0 or step == schedule.n_steps:
            _check(history, module, step, float(elbo), check_rows)
            if on_check is not None:
                on_check(step, history.elbo_train[-1])
            if best.should_stop(module, history):
                break
    best.restore(module)
    return history


def _step(
    module: VAE, x: Tensor, schedule: Schedule, optimizer: torch.optim.Optimizer, generator: torch.Generator
) -> Tensor:
    """One update of the weights; returns the mean ELBO of the rows that counted."""
    noise = torch.randn((len(x), module.latent_dim), generator=generator, device=x.device)
    input_noise = torch.randn(x.shape, generator=generator, device=x.device) * schedule.input_noise
    elbo = module.elbo(x, noise, input_noise)
    kept = elbo.total()[_best_rows(elbo, module.likelihood.n_numeric, schedule.keep)]
    optimizer.zero_grad(set_to_none=True)
    loss = -kept.mean() / x.shape[1]
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(module.parameters(), _MAX_NORM)
    optimizer.step()
    return kept.detach().mean()


def _best_rows(elbo: ELBO, n_numeric: int, keep: float) -> Tensor | slice:
    """The share ``keep`` of rows whose numbers have the highest ELBO.

    Categories do not count: their cost is bounded, and rows of a rare category must not be dropped.
    """
    n_kept = max(int(keep * len(elbo.latent)), 1)
    if n_kept == len(elbo.latent) or not n_numeric:
        return slice(None)
    return (elbo.features[:, :n_numeric].sum(dim=1) + elbo.latent).topk(n_kept, sorted=False).indices


def _check(history: History, module: VAE, step: int, elbo: float, validation: Tensor | None) -> None:
    history.step.append(step)
    history.elbo_train.append(elbo)
    if validation is not None and len(validation):
        history.elbo_validation.append(mean_elbo(module, validation))


@torch.no_grad()
def mean_elbo(module: VAE, x: Tensor) -> float:
    """Mean ELBO of rows x (n_rows, n_cells) in nats, with one draw per row that is the same in every call."""
    generator = torch.Generator(x.device).manual_seed(0)
    noise = torch.randn((len(x), module.latent_dim), generator=generator, device=x.device)
    return float(module.elbo(x, noise).total().mean())


class _Best:
    """The weights with the best validation ELBO so far, kept only for early stopping."""

    def __init__(self, active: bool) -> None:
        self.active, self.elbo, self.age = active, -torch.inf, 0
        self.weights: dict[str, Tensor] | None = None

    def should_stop(self, module: VAE, history: History) -> bool:
        if not self.active or not history.elbo_validation:
            return False
        self.age += 1
        if history.elbo_validation[-1] > self.elbo:
            self.elbo, self.age = history.elbo_validation[-1], 0
            self.weights = copy.deepcopy(module.state_dict())
        return self.age >= _PATIENCE

    def restore(self, module: VAE) -> None:
        if self.weights is not None:
            module.load_state_dict(self.weights)


def _optimizer(module: VAE, learning_rate: float) -> torch.optim.AdamW:
    """AdamW with weight decay for the MLPs only: the linear path and the noise are not penalised."""
    decayed = [p for name, p in module.named_parameters() if ".residual." in name and p.ndim > 1]
    chosen = set(map(id, decayed))
    others = [p for p in module.parameters() if id(p) not in chosen and p.numel()]
    groups = [{"params": decayed, "weight_decay": _WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=learning_rate, fused=True)


def _rate(step: int, n_steps: int) -> float:
    """Factor of the learning rate: warm-up in ``_WARM_UP`` steps, constant until half, linear decay."""
    warm = min((step + 1) / _WARM_UP, 1.0)
    decay = min(2.0 * (1.0 - step / n_steps), 1.0)
    return warm * max(decay, _LAST_RATE)


def _batches(n_rows: int, schedule: Schedule, generator: torch.Generator) -> Iterator[Tensor]:
    """Row indices of each step: full batches from one random permutation after another."""
    size = min(schedule.batch_size, n_rows)
    order, start = torch.randperm(n_rows, generator=generator, device=generator.device), 0
    for _ in range(schedule.n_steps):
        if start + size > n_rows:
            order, start = torch.randperm(n_rows, generator=generator, device=generator.device), 0
        yield order[start : start + size]
        start += size
