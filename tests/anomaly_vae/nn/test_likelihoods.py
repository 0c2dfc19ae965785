"""TableLikelihood: densities that integrate to one, probabilities that sum to one, costs that are bounded."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from anomaly_vae.columns.categorical import CategoryColumns
from anomaly_vae.nn.likelihoods import TableLikelihood

LAW = settings(deadline=None, max_examples=40, derandomize=True)

logit = st.floats(-1e4, 1e4, width=32)
widths = st.lists(st.integers(2, 6), min_size=1, max_size=5).map(sorted)


def likelihood(
    n_numeric: int, category_widths: list[int], *, noise_floor: float = 0.05, n_rows: int = 100
) -> TableLikelihood:
    return TableLikelihood(n_numeric, category_widths, noise_floor, n_rows).requires_grad_(False)


def one_hot(code: int, width: int) -> Tensor:
    """Cells of a category as an encoder makes them: the hot one alone is positive."""
    cells = torch.full((1, width), -0.25)
    cells[0, code] = 1.75
    return cells


# --------------------------------------------------------------------------------------------- numbers
@LAW
@given(location=st.floats(-5, 5), log_noise=st.floats(-3, 2), floor=st.floats(0.01, 1.0))
def test_the_density_of_a_number_integrates_to_one(location: float, log_noise: float, floor: float) -> None:
    """exp(log_prob) over the whole line is 1, whatever location, noise and floor."""
    module = likelihood(1, [], noise_floor=floor).double()
    module.log_noise.fill_(log_noise)
    reach = 12.0 * float(module.noise_variance().sqrt())
    x = torch.linspace(location - reach, location + reach, 4001, dtype=torch.float64)[:, None]
    density = module.log_prob(x, torch.full_like(x, location)).exp()
    assert float(torch.trapezoid(density[:, 0], x[:, 0])) == pytest.approx(1.0, abs=1e-6)


def test_a_number_is_gaussian() -> None:
    """Each number has the log density of a Gaussian with a noise of its own."""
    generator = torch.Generator().manual_seed(0)
    module = likelihood(3, [])
    module.log_noise.copy_(torch.tensor([-2.0, 0.0, 1.0]))
    x, location = torch.randn(2, 50, 3, generator=generator)
    gaussian = torch.distributions.Normal(location, module.noise_variance().sqrt())
    torch.testing.assert_close(module.log_prob(x, location), gaussian.log_prob(x), rtol=1e-4, atol=1e-5)


@LAW
@given(log_noise=st.floats(-1e4, 3, width=32), floor=st.floats(0.01, 1.0))
def test_noise_stays_above_its_floor(log_noise: float, floor: float) -> None:
    """However little noise is learned, a number is not known better than to the floor."""
    module = likelihood(1, [], noise_floor=floor)
    module.log_noise.fill_(log_noise)
    assert float(module.noise_variance()) >= floor**2 * (1 - 1e-6)
    best = float(module.log_prob(torch.zeros(1, 1), torch.zeros(1, 1)))
    assert best <= -0.5 * math.log(2 * math.pi * floor**2) + 1e-4


# ------------------------------------------------------------------------------------------ categories
@LAW
@given(spans=widths, data=st.data(), n_rows=st.integers(2, 10**6))
def test_probabilities_of_a_span_sum_to_one(spans: list[int], data: st.DataObject, n_rows: int) -> None:
    """Whatever the logits, each span's probabilities sum to 1, and log_prob is the log of the hot one's."""
    module = likelihood(1, spans, n_rows=n_rows)
    location = torch.tensor([data.draw(st.lists(logit, min_size=module.n_cells, max_size=module.n_cells))])
    probabilities = module.probabilities(location)
    assert float(probabilities[0, 0]) == float(location[0, 0])
    for span, (start, width) in enumerate(zip(np.cumsum([1, *spans]), spans, strict=False)):
        given_span = probabilities[0, start : start + width]
        assert float(given_span.sum()) == pytest.approx(1.0, abs=1e-5)
        hot = torch.zeros(width, module.n_cells)
        hot[:, start : start + width] = torch.cat([one_hot(code, width) for code in range(width)])
        for other, other_width in zip(np.cumsum([1, *spans]), spans, strict=False):
            if other != start:
                hot[:, other : other + other_width] = one_hot(0, other_width)
        nats = module.log_prob(hot, location.expand(width, -1))[:, 1 + span]
        torch.testing.assert_close(nats.exp(), given_span, rtol=1e-4, atol=1e-9)


@LAW
@given(spans=widths, data=st.data(), n_rows=st.integers(2, 10**6))
def test_no_category_costs_more_than_a_bound(spans: list[int], data: st.DataObject, n_rows: int) -> None:
    """No category, however unlikely or unseen, costs more than log(n_rows + width) nats, or gains any."""
    module = likelihood(0, spans, n_rows=n_rows)
    location = torch.tensor([data.draw(st.lists(logit, min_size=module.n_cells, max_size=module.n_cells))])
    x = torch.cat([one_hot(data.draw(st.integers(0, width - 1)), width) for width in spans], dim=1)
    cost = -module.log_prob(x, location)[0]
    assert (cost <= torch.log(torch.tensor(spans) + float(n_rows)) + 1e-4).all()
    assert (cost >= -1e-6).all()


def test_an_unseen_category_costs_the_bound() -> None:
    """A category of probability 0 costs log(n_rows + width) nats, as if seen in one more row each."""
    module = likelihood(0, [3], n_rows=97)
    cost = -module.log_prob(one_hot(2, 3), torch.tensor([[0.0, 0.0, -1e4]]))
    assert float(cost) == pytest.approx(math.log(100.0), rel=1e-6)


def test_encoded_cells_have_one_hot_cell() -> None:
    """The cells of a category encoder are read as the category they encode."""
    codes = np.array([[0], [1], [2], [1]], dtype=np.int64)
    x = torch.from_numpy(CategoryColumns.fit(codes, [4]).transform(codes)).float()
    location = torch.tensor([[0.3, -1.0, 2.0, 0.1]]).expand(4, -1)
    module = likelihood(0, [4], n_rows=10**9)
    expected = location.log_softmax(dim=1)[torch.arange(4), torch.from_numpy(codes[:, 0])]
    torch.testing.assert_close(module.log_prob(x, location)[:, 0], expected)


def test_spans_of_many_widths_keep_their_order() -> None:
    """Terms come in encoded order: numbers first, then spans, those of a width side by side."""
    spans = [2, 2, 3, 5, 5]
    module = likelihood(2, spans)
    location = torch.randn(1, module.n_cells, generator=torch.Generator().manual_seed(0))
    x = torch.cat([torch.tensor([[0.5, -0.5]]), *[one_hot(width - 1, width) for width in spans]], dim=1)
    terms = module.log_prob(x, location)[0]
    alone, start = [], 2
    for width in spans:
        cells = slice(start, start + width)
        alone.append(likelihood(0, [width]).log_prob(x[:, cells], location[:, cells])[0, 0])
        start += width
    numbers = likelihood(2, []).log_prob(x[:, :2], location[:, :2])[0]
    torch.testing.assert_close(terms, torch.cat([numbers, torch.stack(alone)]))


# -------------------------------------------------------------------------------------- missing values
@LAW
@given(n_rows=st.integers(2, 10**6), location=st.floats(-1e3, 1e3))
def test_a_missing_value_costs_its_absence_alone(n_rows: int, location: float) -> None:
    """A missing value costs log(n_rows + 2) nats where absence is charged and nothing elsewhere."""
    module = likelihood(2, [2, 3], n_rows=n_rows)
    charged = np.array([True, False, False, True])
    module.observe(np.full(5, 0.4), charged)
    x = torch.full((1, module.n_cells), torch.nan)
    terms = module.log_prob(x, torch.full((1, module.n_cells), location))[0]
    expected = np.where(charged, -math.log(n_rows + 2), 0.0)
    np.testing.assert_allclose(terms, expected, rtol=1e-6)


def test_a_missing_value_leaves_the_others_alone() -> None:
    """The terms of present features are the same whether or not another one is missing."""
    module = likelihood(2, [2])
    module.observe(np.full(2, 0.5), np.ones(3, dtype=bool))
    location = torch.randn(1, 4, generator=torch.Generator().manual_seed(0))
    x = torch.cat([torch.tensor([[0.5, -0.5]]), one_hot(1, 2)], dim=1)
    whole = module.log_prob(x, location)
    for feature, cells in enumerate([[0], [1], [2, 3]]):
        holed = x.clone()
        holed[:, cells] = torch.nan
        same = module.log_prob(holed, location) == whole
        assert same[0].tolist() == [other != feature for other in range(3)]


def test_gradients_are_finite_beside_missing_values() -> None:
    """A missing value has no gradient, and the gradient of the others is finite."""
    module = likelihood(2, [3]).requires_grad_(True)
    x = torch.tensor([[0.5, torch.nan, -0.2, 1.8, -0.2], [torch.nan, 1.0, *[torch.nan] * 3]])
    location = torch.zeros(2, 5, requires_grad=True)
    module.log_prob(x, location).sum().backward()
    assert location.grad is not None
    assert module.log_noise.grad is not None
    assert torch.isfinite(location.grad).all()
    assert torch.isfinite(module.log_noise.grad).all()
    assert ((location.grad != 0) == ~torch.isnan(x)).all()


# ------------------------------------------------------------------------------- the linear start, draws
@pytest.mark.parametrize("noise", [0.04, 1.0, 7.0])
def test_the_start_takes_over_the_noise(noise: float) -> None:
    """Above the floor the noise variance of each number is that of the linear model."""
    module = likelihood(3, [], noise_floor=0.1)
    module.start(noise, torch.zeros(1, 3), torch.zeros(3))
    torch.testing.assert_close(module.noise_variance(), torch.full((3,), noise))


def test_the_start_takes_over_the_frequencies() -> None:
    """At the mean of the latents a category has its frequency, and it moves with them as its cell does."""
    codes = np.repeat([0, 1, 2], [500, 300, 200])[:, None].astype(np.int64)
    columns = CategoryColumns.fit(codes, [3])
    module = likelihood(0, [3], n_rows=10**7)
    module.observe(columns.frequencies, np.ones(1, dtype=bool))
    cells = torch.from_numpy(columns.transform(np.array([[0], [1], [2]]))).float()
    weight, bias = 1e-3 * (cells[1:2] - cells[0:1]), torch.zeros(3)
    linear = weight[0] * torch.from_numpy(columns.scale).float()
    module.start(1.0, weight, bias)
    here = module.probabilities(bias[None])[0]
    torch.testing.assert_close(here, torch.from_numpy(columns.frequencies).float(), atol=1e-5, rtol=0)
    moved = module.probabilities((bias + weight[0])[None])[0] - here
    torch.testing.assert_close(moved[:2], linear[:2], rtol=0.35, atol=0)


def test_draws_have_the_distribution_they_are_drawn_from() -> None:
    """Numbers have mean and noise, spans one hot cell each, categories their probabilities."""
    module = likelihood(2, [2, 3, 3])
    module.log_noise.copy_(torch.tensor([-1.0, 0.5]))
    location = torch.tensor([[1.0, -2.0, 0.0, 1.0, 0.5, -0.5, 0.0, -3.0, 1.0, 1.0]]).expand(20_000, -1)
    draw = module.sample(location, torch.Generator().manual_seed(0))
    torch.testing.assert_close(draw[:, :2].mean(dim=0), location[0, :2], atol=0.05, rtol=0)
    torch.testing.assert_close(draw[:, :2].var(dim=0), module.noise_variance(), atol=0, rtol=0.04)
    assert set(draw[:, 2:].unique().tolist()) == {0.0, 1.0}
    for cells in (slice(2, 4), slice(4, 7), slice(7, 10)):
        assert (draw[:, cells].sum(dim=1) == 1.0).all()
    torch.testing.assert_close(
        draw[:, 2:].mean(dim=0), module.probabilities(location[:1])[0, 2:], atol=0.015, rtol=0
    )


def test_the_generator_is_the_only_source_of_draws() -> None:
    """The same seed draws the same rows, and the global generator is not touched."""
    module, location = likelihood(2, [3]), torch.zeros(50, 5)
    before = torch.random.get_rng_state()
    one, same, other = (module.sample(location, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert (location == 0).all()
