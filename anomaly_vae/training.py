"""fit_modules: VAEs of one architecture and encoded rows in, a History out.

All modules are trained at once, with one batched product per layer (``torch.func``). The budget is a number
of steps, not of epochs, so that the time of a fit hardly depends on the number of rows. The optimizer is
AdamW (Loshchilov & Hutter 2019), with a short warm-up, a constant rate for half of the steps, and a linear
decay.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from anomaly_vae.nn.adamw import AdamW
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
    """``fit_modules`` for one module: x has shape (n_rows, n_cells)."""
    checked = None if validation is None else validation[None]
    return fit_modules([module], x[None], schedule, generator, checked, on_check)


def fit_modules(
    modules: Sequence[VAE],
    x: Tensor,
    schedule: Schedule,
    generator: torch.Generator,
    validation: Tensor | None = None,
    on_check: Callable[[int, float], None] | None = None,
) -> History:
    """Train each module on its own rows, x (n_modules, n_rows, n_cells), and return the mean history.

    The modules have the same architecture and do not influence each other, except that early stopping stops
    all of them at once. ``generator`` is the only source of randomness. ``on_check(step, elbo)`` is called
    about twenty times with the current training ELBO.
    """
    has_missing = any(bool(torch.isnan(rows).any()) for rows in (x, validation) if rows is not None)
    stack = _Stack(modules, has_missing)
    optimizer = _optimizer(stack.weights)
    history, best = History(), _Best(schedule.early_stopping)
    every = max(schedule.n_steps // _N_CHECKS, 1)
    check_rows = None if validation is None else validation[:, :_MAX_CHECK_ROWS]
    each = torch.arange(len(x), device=x.device)[:, None]
    for step, rows in enumerate(_batches(x, schedule, generator), start=1):
        elbo = _gradients(stack, x[each, rows], schedule, generator)
        optimizer.step(schedule.learning_rate * _rate(step - 1, schedule.n_steps))
        if step % every == 0 or step == schedule.n_steps:
            _check(history, stack, step, float(elbo), check_rows)
            if on_check is not None:
                on_check(step, history.elbo_train[-1])
            if best.should_stop(stack.weights, history):
                break
    best.restore(stack.weights)
    stack.copy_back()
    return history


class _Stack:
    """Modules of one architecture with their weights in stacked tensors, (n_modules, ...) each."""

    def __init__(self, modules: Sequence[VAE], has_missing: bool) -> None:
        weights, self._buffers = stack_module_state(list(modules))
        self.weights = {name: weight.detach().requires_grad_() for name, weight in weights.items()}
        self._modules, self._blank = modules, copy.deepcopy(modules[0]).to("meta")
        self.n_numeric, self.latent_dim = modules[0].likelihood.n_numeric, modules[0].latent_dim
        self._has_missing = has_missing

    def elbo(self, x: Tensor, noise: Tensor, input_noise: Tensor | None = None) -> ELBO:
        """``VAE.elbo`` of each module for rows of its own; all arrays have the modules as first axis."""
        inputs = (x, noise) if input_noise is None else (x, noise, input_noise)
        if len(self._modules) == 1:  # without the overhead of vmap
            one = [value[0] for value in inputs]
            elbo = self._elbo_of_one(_first(self.weights), _first(self._buffers), *one)
            return ELBO(elbo.features[None], elbo.latent[None])
        of_each: Callable[..., ELBO] = vmap(self._elbo_of_one)
        return of_each(self.weights, self._buffers, *inputs)

    def _elbo_of_one(self, weights: dict[str, Tensor], buffers: dict[str, Tensor], *inputs: Tensor) -> ELBO:
        options = {"has_missing": self._has_missing}
        return functional_call(self._blank, (weights, buffers), inputs, options)  # type: ignore[no-any-return]

    @torch.no_grad()
    def copy_back(self) -> None:
        """Write the stacked weights into the modules."""
        for position, module in enumerate(self._modules):
            for name, weight in module.named_parameters():
                weight.copy_(self.weights[name][position])


def _first(stacked: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value[0] for name, value in stacked.items()}


def _gradients(stack: _Stack, x: Tensor, schedule: Schedule, generator: torch.Generator) -> Tensor:
    """Compute the gradients of the weights; returns the mean ELBO of the rows that counted."""
    size = (*x.shape[:2], stack.latent_dim)
    noise = torch.randn(size, generator=generator, device=x.device)
    input_noise = torch.randn(x.shape, generator=generator, device=x.device) * schedule.input_noise
    elbo = stack.elbo(x, noise, input_noise)
    totals = elbo.features.sum(dim=2) + elbo.latent
    kept = totals.gather(1, _best_rows(elbo, stack.n_numeric, schedule.keep))
    for weight in stack.weights.values():
        weight.grad = None
    loss = -kept.mean(dim=1).sum() / x.shape[2]
    loss.backward()  # type: ignore[no-untyped-call]
    _clip_gradients(stack.weights)
    return kept.detach().mean()


def _clip_gradients(weights: dict[str, Tensor]) -> None:
    """Scale the gradient of each module to a norm of at most ``_MAX_NORM``."""
    gradients = [weight.grad for weight in weights.values() if weight.grad is not None]
    squares = [gradient.flatten(1).square().sum(dim=1) for gradient in gradients if gradient.numel()]
    factor = (_MAX_NORM / (torch.stack(squares).sum(dim=0).sqrt() + 1e-6)).clamp_max(1.0)
    for gradient in gradients:
        gradient.mul_(factor.view(-1, *[1] * (gradient.ndim - 1)))


def _best_rows(elbo: ELBO, n_numeric: int, keep: float) -> Tensor:
    """The positions of the share ``keep`` of rows whose numbers have the highest ELBO, per module.

    Categories do not count: their cost is bounded, and rows of a rare category must not be dropped.
    """
    n_modules, n_rows = elbo.latent.shape
    n_kept = max(int(keep * n_rows), 1)
    if n_kept == n_rows or not n_numeric:
        return torch.arange(n_rows, device=elbo.latent.device).expand(n_modules, -1)
    numbers = elbo.features[:, :, :n_numeric].sum(dim=2) + elbo.latent
    return numbers.topk(n_kept, dim=1, sorted=False).indices


def _check(history: History, stack: _Stack, step: int, elbo: float, validation: Tensor | None) -> None:
    history.step.append(step)
    history.elbo_train.append(elbo)
    if validation is not None and validation.shape[1]:
        history.elbo_validation.append(_mean_elbo(stack, validation))


@torch.no_grad()
def _mean_elbo(stack: _Stack, x: Tensor) -> float:
    """Mean ELBO of rows (n_modules, n_rows, n_cells) in nats; every call has the same draws."""
    generator = torch.Generator(x.device).manual_seed(0)
    noise = torch.randn((*x.shape[:2], stack.latent_dim), generator=generator, device=x.device)
    elbo = stack.elbo(x, noise)
    return float((elbo.features.sum(dim=2) + elbo.latent).mean())


class _Best:
    """The weights with the best validation ELBO so far, kept only for early stopping."""

    def __init__(self, active: bool) -> None:
        self.active, self.elbo, self.age = active, -torch.inf, 0
        self.weights: dict[str, Tensor] | None = None

    def should_stop(self, weights: dict[str, Tensor], history: History) -> bool:
        if not self.active or not history.elbo_validation:
            return False
        self.age += 1
        if history.elbo_validation[-1] > self.elbo:
            self.elbo, self.age = history.elbo_validation[-1], 0
            self.weights = {name: weight.detach().clone() for name, weight in weights.items()}
        return self.age >= _PATIENCE

    @torch.no_grad()
    def restore(self, weights: dict[str, Tensor]) -> None:
        if self.weights is not None:
            for name, weight in weights.items():
                weight.copy_(self.weights[name])


def _optimizer(weights: dict[str, Tensor]) -> AdamW:
    """AdamW with weight decay for the MLPs only: the linear path and the noise are not penalised."""
    decayed = [p for name, p in weights.items() if name.endswith(".weight") and ".residual." in name]
    chosen = set(map(id, decayed))
    others = [p for p in weights.values() if id(p) not in chosen and p.numel()]
    return AdamW([(decayed, _WEIGHT_DECAY), (others, 0.0)])


def _rate(step: int, n_steps: int) -> float:
    """Factor of the learning rate: warm-up in ``_WARM_UP`` steps, constant until half, linear decay."""
    warm = min((step + 1) / _WARM_UP, 1.0)
    decay = min(2.0 * (1.0 - step / n_steps), 1.0)
    return warm * max(decay, _LAST_RATE)


def _batches(x: Tensor, schedule: Schedule, generator: torch.Generator) -> Iterator[Tensor]:
    """Positions of the rows of each step, (n_modules, batch_size), from one permutation after another."""
    n_modules, n_rows = x.shape[:2]
    size = min(schedule.batch_size, n_rows)

    def shuffled() -> Tensor:
        orders = [torch.randperm(n_rows, generator=generator, device=x.device) for _ in range(n_modules)]
        return torch.stack(orders)

    order, start = shuffled(), 0
    for _ in range(schedule.n_steps):
        if start + size > n_rows:
            order, start = shuffled(), 0
        yield order[:, start : start + size]
        start += size
