"""Schema: the counts that a network is built from follow from its features."""

from __future__ import annotations

import dataclasses

import pytest

from anomaly_vae.schema import Column, Feature, Schema, Span

SCHEMA = Schema(
    columns=(Column("at", "datetime"), Column("amount", "numeric", "log"), Column("id", "identifier")),
    features=(
        Feature(0, "numeric", Span(0, 1)),
        Feature(1, "numeric", Span(1, 2)),
        Feature(1, "categorical", Span(2, 4)),
        Feature(0, "categorical", Span(4, 11)),
    ),
)


def test_a_schema_counts_its_cells() -> None:
    """Cells, numbers, widths and owners are read from the features, in encoded order."""
    assert SCHEMA.names == ("at", "amount", "id")
    assert SCHEMA.n_cells == 11
    assert SCHEMA.n_numeric == 2
    assert SCHEMA.category_widths == (2, 7)
    assert SCHEMA.owners == (0, 1, 1, 0)


def test_counts_add_up() -> None:
    """Numbers and widths of categories together are the cells."""
    assert SCHEMA.n_numeric + sum(SCHEMA.category_widths) == SCHEMA.n_cells
    assert sum(feature.span.width for feature in SCHEMA.features) == SCHEMA.n_cells


def test_a_schema_may_be_empty() -> None:
    """A table of identifiers alone has columns and no cells."""
    schema = Schema((Column("id", "identifier"),), ())
    assert (schema.n_cells, schema.n_numeric, schema.category_widths, schema.owners) == (0, 0, (), ())


@pytest.mark.parametrize("part", [SCHEMA, SCHEMA.columns[0], SCHEMA.features[0], SCHEMA.features[0].span])
def test_a_schema_does_not_change(part: object) -> None:
    """Every part is frozen and can be hashed."""
    field = dataclasses.fields(part)[0].name  # type: ignore[arg-type]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(part, field, None)
    assert hash(part) == hash(dataclasses.replace(part))  # type: ignore[type-var]
