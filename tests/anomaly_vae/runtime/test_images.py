"""ImageRuntime: images to results, as torch computes them, and each image by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly_vae.runtime.images import MAX_BLOCK, ImageRuntime
from anomaly_vae.states.pixels import DARKEST
from tests.anomaly_vae.runtime.pictures import CASES, Case, exact, pictures, random_model

CLOSE: dict[str, float] = {"rtol": 1e-6, "atol": 1e-4}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    """Each case."""
    return CASES[request.param]


def results(runtime: ImageRuntime, X: NDArray[Any]) -> list[NDArray[Any]]:
    """All results of images."""
    usual = np.full(runtime.state.size, 0.3)
    return [
        *(runtime.totals(X, score) for score in ("local", "elbo")),
        *(runtime.contributions(X, score, usual) for score in ("local", "elbo")),
        *(result(X) for result in (runtime.heat, runtime.encode, runtime.jacobian)),
    ]


def test_results_are_those_of_torch(case: Case) -> None:
    """Within 1e-4 nats, or a millionth, of torch in double precision."""
    state, X = random_model(case), pictures(case, 4)
    mine, reference = ImageRuntime(state), ImageRuntime(state, exact(state))
    for result, wanted in zip(mine.statistics(X), reference.statistics(X), strict=True):
        np.testing.assert_allclose(result, wanted, **CLOSE)
    for result, wanted in zip(results(mine, X), results(reference, X), strict=True):
        np.testing.assert_allclose(result, wanted, **CLOSE)
    z = np.random.default_rng(0).normal(size=(3, state.latent_dim)).astype(np.float32)
    np.testing.assert_allclose(mine.decode(z), reference.decode(z), rtol=1e-5, atol=1e-3)


def test_results_of_an_image_depend_on_it_alone(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have the same bits alone, in any order, and on any number of threads."""
    runtime, X = ImageRuntime(random_model(case)), pictures(case, MAX_BLOCK + 3)
    order = np.random.default_rng(0).permutation(len(X))
    together, shuffled = results(runtime, X), results(runtime, X[order])
    last = results(runtime, X[-1:])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for result, other, alone, again in zip(together, shuffled, last, results(runtime, X), strict=True):
        np.testing.assert_array_equal(other, result[order])
        np.testing.assert_array_equal(alone, result[-1:])
        np.testing.assert_array_equal(again, result)


@pytest.mark.parametrize("score", ["local", "elbo"])
def test_contributions_sum_to_the_score(score: str) -> None:
    """Of both types."""
    runtime, X = ImageRuntime(random_model(CASES["colours"])), pictures(CASES["colours"], 4)
    contributions = runtime.contributions(X, score, np.zeros(runtime.state.size))
    np.testing.assert_allclose(contributions.sum(axis=1), runtime.totals(X, score), rtol=1e-9)


def test_the_jacobian_is_the_log_derivative() -> None:
    """Of the log intensity by the pixel in the user's units."""
    runtime, X = ImageRuntime(random_model(CASES["small"])), pictures(CASES["small"], 4)
    step, pixels = 1e-3, X.astype(np.float64)
    slopes = (np.log((pixels + step) / 255.0 + DARKEST) - np.log(pixels / 255.0 + DARKEST)) / step
    np.testing.assert_allclose(runtime.jacobian(X), np.log(slopes).sum(axis=(1, 2, 3)), rtol=1e-4)


def test_pixels_that_are_not_finite_have_no_score() -> None:
    """Not one, and not too large: a maximum may turn NaN into a number. Other images keep their scores."""
    runtime = ImageRuntime(random_model(CASES["small"]))
    X = pictures(CASES["small"], 4).astype(np.float64)
    usual = results(runtime, X)
    X[1, 0, 0], X[2, 3, 3] = np.nan, 1e30
    for result, before in zip(results(runtime, X)[:-1], usual, strict=False):
        assert np.isnan(result[1:3]).any(axis=tuple(range(1, result.ndim))).all()
        np.testing.assert_array_equal(result[[0, 3]], before[[0, 3]])


def test_a_model_without_calibration_has_statistics_only() -> None:
    """A score would need it."""
    state = random_model(CASES["small"])
    runtime = ImageRuntime(type(state)(**{**vars(state), "calibration": None}))
    X = pictures(CASES["small"], 2)
    assert np.isfinite(runtime.statistics(X).places).all()
    with pytest.raises(RuntimeError, match="not calibrated"):
        runtime.totals(X, "local")
