"""Recipes: the values of "auto" for a table."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae.detectors._recipe import ClosedForm, novelty_recipe, outlier_recipe
from tests.anomaly_vae.detectors.test_members import LAW


@LAW
@given(n_rows=st.integers(1, 10**6), n_cells=st.integers(1, 10**4), has_categories=st.booleans())
def test_a_recipe_fits_its_table(n_rows: int, n_cells: int, has_categories: bool) -> None:
    """At most as many latents as cells and as half the rows; a wide table gets a linear VAE."""
    for recipe in (novelty_recipe(n_rows, n_cells, has_categories), outlier_recipe(n_rows, n_cells)):
        assert 1 <= recipe.latent_dim <= max(min(n_cells, n_rows // 2), 1)
        assert recipe.closed_form is ClosedForm.LINEAR or n_rows > n_cells
        assert recipe.closed_form is not ClosedForm.EXEMPLARS or not has_categories
        assert recipe.noise_floor > 0
        assert 0 < recipe.keep <= 1
        assert recipe.closed_form_weight > 0


def test_auto_keeps_the_value_of_the_recipe() -> None:
    """Settings other than "auto" replace those of the recipe."""
    recipe = outlier_recipe(100, 5)
    assert recipe.override(latent_dim="auto", n_steps="auto") == recipe
    assert recipe.override(latent_dim=2, n_steps="auto") == replace(recipe, latent_dim=2)
