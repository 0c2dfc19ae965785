"""TableLikelihood: log p(x | z) of each feature of an encoded table, in nats.

A number has Gaussian or Student-t noise with its own learned scale above a floor. A category has a softmax
over its span, smoothed by one row in each category, so that no category costs more than log(n_rows + width).
A missing value has only the likelihood of being missing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from anomaly_vae.nn.student import student_t_log_prob


class TableLikelihood(nn.Module):
    """p(x | location), feature by feature.

    Parameters
    ----------
    n_numeric : int
        Numeric cells, which come first.
    category_widths : sequence of int
        Widths of the one-hot spans that follow, ascending.
    noise_floor : float
        Least standard deviation of the noise, in scales of the column.
    n_rows : int
        Rows that the model is trained on; sets the smoothing of categories and of absence.
    degrees_of_freedom : float, default=inf
        Degrees of freedom of the Student-t noise of numbers, a whole number: fewer mean heavier tails,
        and infinity is Gaussian noise.
    """

    absent_log_prob: Tensor
    frequencies: Tensor

    def __init__(
        self,
        n_numeric: int,
        category_widths: Sequence[int],
        noise_floor: float,
        n_rows: int,
        degrees_of_freedom: float = math.inf,
    ) -> None:
        super().__init__()
        self.n_numeric = n_numeric
        self.n_cells = n_numeric + sum(category_widths)
        self.groups = [(width, len(list(spans))) for width, spans in groupby(category_widths)]
        self.noise_floor, self.n_rows, self.degrees_of_freedom = noise_floor, n_rows, degrees_of_freedom
        self.log_noise = nn.Parameter(torch.zeros(n_numeric))
        n_features = n_numeric + len(category_widths)
        self.register_buffer("absent_log_prob", torch.full((n_features,), -math.log(n_rows + 2.0)))
        self.register_buffer("frequencies", torch.ones(self.n_cells - n_numeric))

    def observe(self, frequencies: NDArray[np.float64], charged: NDArray[np.bool_]) -> None:
        """Set the frequencies of the categories, and the features in which a missing value has a cost."""
        self.frequencies.copy_(torch.from_numpy(frequencies))
        self.absent_log_prob.mul_(torch.from_numpy(charged).to(self.absent_log_prob))

    def start(self, noise: Tensor | float, weight: Tensor, bias: Tensor) -> None:
        """Initialise with a linear model: noise variance (one, or per number), decoder weight and bias.

        Spans are converted from Gaussian cells to logits with a first-order expansion of the softmax at the
        frequencies of the categories, which also give the bias of a centred cell.
        """
        noise = torch.as_tensor(noise).to(self.log_noise)
        learned = (noise - self.noise_floor**2).clamp_min(1e-2 * self.noise_floor**2)
        self.log_noise.copy_(0.5 * learned.log())
        cells = slice(self.n_numeric, self.n_cells)
        frequency = self.frequencies.clamp(1e-6, 1.0)
        weight[:, cells] *= (frequency * (1 - frequency) + 0.01).sqrt() / (frequency + 0.05)
        bias[cells] = frequency.log()

    def noise_variance(self) -> Tensor:
        """Variance of each number given z, shape (n_numeric,): the floor plus the learned variance."""
        return self.noise_floor**2 + torch.exp(2.0 * self.log_noise)

    def log_prob(
        self,
        x: Tensor,
        location: Tensor,
        excess: Tensor | float = 0.0,
        *,
        has_missing: bool | None = None,
    ) -> Tensor:
        """Log likelihood of each feature in nats, shape (n_rows, n_features).

        ``x`` and ``location`` have shape (n_rows, n_cells); a NaN in ``x`` is a missing value. If the
        location of a number is itself uncertain, ``excess`` (n_rows, n_numeric) is its variance: the expected
        squared distance is used, which gives a lower bound for Student-t noise. ``has_missing`` tells whether
        x has missing values; by default they are searched for.
        """
        n = self.n_numeric
        distance = (torch.nan_to_num(x[:, :n]) - location[:, :n]).square() + excess
        return self.joined(x, self._numbers(distance), self._categories(x, location), has_missing)

    def antithetic_log_prob(self, x: Tensor, above: Tensor, below: Tensor, excess: Tensor) -> Tensor:
        """Mean log likelihood of each feature over the locations ``above`` and ``below``, or a lower bound.

        ``excess`` (n_rows, n_numeric) is the variance of the location that is not in these two points.
        """
        n = self.n_numeric
        number = torch.nan_to_num(x[:, :n])
        distance = 0.5 * ((number - above[:, :n]).square() + (number - below[:, :n]).square()) + excess
        categories = 0.5 * (self._categories(x, above) + self._categories(x, below))
        return self.joined(x, self._numbers(distance.clamp_min(0.0)), categories)

    def frequency_log_prob(self, x: Tensor) -> Tensor:
        """Log of the smoothed frequency of each category of x, shape (n_rows, n_categories)."""
        logits = torch.zeros(self.n_cells, device=x.device)
        logits[self.n_numeric :] = self.frequencies.clamp_min(1e-6).log()
        return self._categories(x, logits.expand(len(x), -1))

    def probabilities(self, location: Tensor) -> Tensor:
        """``location`` with its one-hot spans converted from logits to probabilities."""
        spans = [location[:, : self.n_numeric]]
        for width, count, start in self._spans():
            logits = location[:, start : start + width * count].reshape(-1, count, width)
            spans.append(self._smooth(logits.softmax(dim=-1), width).flatten(1))
        return torch.cat(spans, dim=1)

    def sample(self, location: Tensor, generator: torch.Generator) -> Tensor:
        """A draw of x, one-hot spans included, shape (n_rows, n_cells)."""
        noise = self._noise(len(location), generator, location.device)
        draw = self.probabilities(location)
        draw[:, : self.n_numeric] += noise * self.noise_variance().sqrt()
        for width, count, start in self._spans():
            cells = slice(start, start + width * count)
            chosen = torch.multinomial(draw[:, cells].reshape(-1, width), 1, generator=generator)
            one_hot = torch.zeros(len(chosen), width, device=draw.device).scatter_(1, chosen, 1.0)
            draw[:, cells] = one_hot.reshape(len(draw), -1)
        return draw

    def _noise(self, n_rows: int, generator: torch.Generator, device: torch.device) -> Tensor:
        """Draws of unit scale: Student-t is Gaussian, divided by sqrt(chi-square / degrees of freedom)."""
        shape: tuple[int, ...] = (n_rows, self.n_numeric)
        noise = torch.randn(shape, generator=generator, device=device)
        if math.isinf(self.degrees_of_freedom):
            return noise
        squares = torch.randn(
            (int(self.degrees_of_freedom), *shape), generator=generator, device=device
        ).square()
        return noise / squares.mean(dim=0).sqrt().clamp_min(1e-6)

    def _spans(self) -> list[tuple[int, int, int]]:
        """Width, number of spans and first cell of each group of spans of the same width."""
        spans, start = [], self.n_numeric
        for width, count in self.groups:
            spans.append((width, count, start))
            start += width * count
        return spans

    def joined(
        self, x: Tensor, numbers: Tensor, categories: Tensor, has_missing: bool | None = None
    ) -> Tensor:
        """Nats of numbers, then those of categories; those of missing values are replaced."""
        terms = torch.cat([numbers, categories], dim=1) if self.groups else numbers
        if not (bool(torch.isnan(x.sum())) if has_missing is None else has_missing):
            return terms
        first_cells = [start + width * i for width, count, start in self._spans() for i in range(count)]
        missing = torch.isnan(x[:, [*range(self.n_numeric), *first_cells]] if first_cells else x)
        return torch.where(missing, self.absent_log_prob, terms)

    def _numbers(self, distance: Tensor) -> Tensor:
        """Nats of numbers at a squared distance from their location."""
        return student_t_log_prob(distance, self.noise_variance(), self.degrees_of_freedom)

    def _categories(self, x: Tensor, logits: Tensor) -> Tensor:
        """Nats of the categories, shape (n_rows, n_categories)."""
        if not self.groups:
            return x[:, :0]
        terms = []
        for width, count, start in self._spans():
            cells, shape = slice(start, start + width * count), (len(x), count, width)
            terms.append(self._category_log_prob(x[:, cells].reshape(shape), logits[:, cells].reshape(shape)))
        return torch.cat(terms, dim=1)

    def _category_log_prob(self, x: Tensor, logits: Tensor) -> Tensor:
        """Log of the smoothed probability of the hot cell, the only positive cell of its span."""
        hot = (x > 0).to(logits.dtype)
        return self._smooth((logits.softmax(dim=-1) * hot).sum(dim=-1), logits.shape[-1]).log()

    def _smooth(self, probability: Tensor, width: int) -> Tensor:
        """The probability after one more row in each of ``width`` categories (Laplace smoothing)."""
        return (self.n_rows * probability + 1.0) / (self.n_rows + width)
