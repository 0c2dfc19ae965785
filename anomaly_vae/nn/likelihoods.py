"""TableLikelihood: log p(x | z) of each feature of an encoded table, in nats.

A number is Gaussian with a noise of its own, learned above a floor. A category is a softmax over
its span, smoothed by one row in each category, so that no category costs more than log(n_rows +
width). A missing value has no likelihood but that of being missing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_LOG_2PI = math.log(2.0 * math.pi)


class TableLikelihood(nn.Module):
    """p(x | location), feature by feature.

    Parameters
    ----------
    n_numeric : int
        Numeric cells, which come first.
    category_widths : sequence of int
        Widths of the one-hot spans that follow, ascending.
    noise_floor : float
        Standard deviation below which no number is known, in scales of its column.
    n_rows : int
        Rows that the model is trained on; sets the smoothing of categories and of absence.
    """

    absent_log_prob: Tensor
    frequencies: Tensor

    def __init__(
        self, n_numeric: int, category_widths: Sequence[int], noise_floor: float, n_rows: int
    ) -> None:
        super().__init__()
        self.n_numeric = n_numeric
        self.n_cells = n_numeric + sum(category_widths)
        self.groups = [(width, len(list(spans))) for width, spans in groupby(category_widths)]
        self.noise_floor, self.n_rows = noise_floor, n_rows
        self.log_noise = nn.Parameter(torch.zeros(n_numeric))
        n_features = n_numeric + len(category_widths)
        self.register_buffer("absent_log_prob", torch.full((n_features,), -math.log(n_rows + 2.0)))
        self.register_buffer("frequencies", torch.ones(self.n_cells - n_numeric))

    def observe(self, frequencies: NDArray[np.float64], charged: NDArray[np.bool_]) -> None:
        """Note the frequencies of the categories, and which features a missing value is charged to."""
        self.frequencies.copy_(torch.from_numpy(frequencies))
        self.absent_log_prob.mul_(torch.from_numpy(charged).to(self.absent_log_prob))

    def start(self, noise: float, weight: Tensor, bias: Tensor) -> None:
        """Take over a linear Gaussian model: its noise variance, and its decoder's weight and bias.

        Spans turn from Gaussian cells to logits by a first-order expansion of the softmax around
        the frequencies of the categories, which are where the bias of a centred cell belongs.
        """
        learned = max(noise - self.noise_floor**2, 1e-2 * self.noise_floor**2)
        self.log_noise.fill_(0.5 * math.log(learned))
        cells = slice(self.n_numeric, self.n_cells)
        frequency = self.frequencies.clamp(1e-6, 1.0)
        weight[:, cells] *= (frequency * (1 - frequency) + 0.01).sqrt() / (frequency + 0.05)
        bias[cells] = frequency.log()

    def noise_variance(self) -> Tensor:
        """Variance of each number given z, shape (n_numeric,): a floor plus what was learned."""
        return self.noise_floor**2 + torch.exp(2.0 * self.log_noise)

    def log_prob(self, x: Tensor, location: Tensor) -> Tensor:
        """Nats of each feature, shape (n_rows, n_features).

        ``x`` and ``location`` have shape (n_rows, n_cells); a NaN in ``x`` is a missing value.
        """
        missing = torch.isnan(x)
        x = torch.where(missing, 0.0, x)
        n = self.n_numeric
        terms, absent = [self._numeric_log_prob(x[:, :n], location[:, :n])], [missing[:, :n]]
        for width, count, start in self._spans():
            cells = slice(start, start + width * count)
            shape = (len(x), count, width)
            terms.append(
                self._category_log_prob(x[:, cells].reshape(shape), location[:, cells].reshape(shape))
            )
            absent.append(missing[:, cells].reshape(shape)[..., 0])
        if not self.groups:
            return torch.where(absent[0], self.absent_log_prob, terms[0])
        return torch.where(torch.cat(absent, dim=1), self.absent_log_prob, torch.cat(terms, dim=1))

    def probabilities(self, location: Tensor) -> Tensor:
        """``location`` with its one-hot spans turned from logits to probabilities."""
        spans = [location[:, : self.n_numeric]]
        for width, count, start in self._spans():
            logits = location[:, start : start + width * count].reshape(-1, count, width)
            spans.append(self._smooth(logits.softmax(dim=-1), width).flatten(1))
        return torch.cat(spans, dim=1)

    def sample(self, location: Tensor, generator: torch.Generator) -> Tensor:
        """A draw of x, one-hot spans included, shape (n_rows, n_cells)."""
        noise = torch.randn((len(location), self.n_numeric), generator=generator, device=location.device)
        draw = self.probabilities(location)
        draw[:, : self.n_numeric] += noise * self.noise_variance().sqrt()
        for width, count, start in self._spans():
            cells = slice(start, start + width * count)
            chosen = torch.multinomial(draw[:, cells].reshape(-1, width), 1, generator=generator)
            one_hot = torch.zeros(len(chosen), width, device=draw.device).scatter_(1, chosen, 1.0)
            draw[:, cells] = one_hot.reshape(len(draw), -1)
        return draw

    def _spans(self) -> list[tuple[int, int, int]]:
        """Width, number and first cell of each group of spans of one width."""
        spans, start = [], self.n_numeric
        for width, count in self.groups:
            spans.append((width, count, start))
            start += width * count
        return spans

    def _numeric_log_prob(self, x: Tensor, location: Tensor) -> Tensor:
        variance = self.noise_variance()
        return -0.5 * ((x - location).square() / variance + (variance.log() + _LOG_2PI))

    def _category_log_prob(self, x: Tensor, logits: Tensor) -> Tensor:
        """Log of the smoothed probability of the hot cell, the only positive one of its span."""
        hot = (x > 0).to(logits.dtype)
        return self._smooth((logits.softmax(dim=-1) * hot).sum(dim=-1), logits.shape[-1]).log()

    def _smooth(self, probability: Tensor, width: int) -> Tensor:
        """The estimate after one more row in each of ``width`` categories (Laplace's rule)."""
        return (self.n_rows * probability + 1.0) / (self.n_rows + width)
