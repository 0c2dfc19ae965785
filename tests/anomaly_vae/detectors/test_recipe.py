"""Recipes: the values of "auto" for a table."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae.detectors._recipe import novelty_recipe, outlier_recipe
from tests.anomaly_vae.detectors.test_members import LAW


@LAW
@given(n_rows=st.integers(1, 10**6), n_cells=st.integers(1, 10**4), has_categories=st.booleans())
def test_a_recipe_fits_its_table(n_rows: int, n_cells: int, has_categories: bool) -> None:
    """At most as many latents as cells and as half the rows; a wide table has no exemplars."""
    for make in (novelty_recipe, outlier_recipe):
        recipe = make(n_rows, n_cells, has_categories)
        for member in (recipe, recipe.linear):
            assert 1 <= member.latent_dim <= max(min(n_cells, n_rows // 2), 1)
            assert member.noise_floor > 0
            assert 0 < member.keep <= 1
        assert not recipe.linear.has_exemplars or n_rows > n_cells
        assert (recipe.weights[1] > 0) == (n_rows > n_cells)
        assert min(recipe.weights[0], recipe.weights[2]) > 0
        assert not (recipe.linear.has_exemplars and has_categories)


def test_auto_keeps_the_value_of_the_recipe() -> None:
    """Settings other than "auto" replace those of the recipe."""
    recipe = outlier_recipe(100, 5, has_categories=False)
    assert recipe.override(latent_dim="auto", n_steps="auto") == recipe
    narrow = replace(recipe, latent_dim=2, linear=replace(recipe.linear, latent_dim=2))
    assert recipe.override(latent_dim=2, n_steps="auto") == narrow
