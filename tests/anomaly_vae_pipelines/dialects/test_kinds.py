"""What one cell looks like on its own."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.dialects.kinds import kind_of


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        (
            "number",
            [
                "1",
                "-1.5",
                "1.234,5",
                "1e-5",
                "€3.50",
                "12 kg",
                "45%",
                "(3.00)",
                "CHF 1'200.00",
                "1 234",
                "3504.",
            ],
        ),
        ("date", ["24.12.2025", "2025-12-24T08:00", "12/24/25 1:05 PM", "08:30", "1:02:03.5"]),
        ("missing", ["", "?", "NA", "-", r"\N", "#N/A"]),
        ("text", ["x", "A12", "store 17", "Köln", "<=50K", "State-gov", "+", "a@b.de"]),
    ],
)
def test_a_cell_has_the_kind_that_a_person_sees(kind, cells):
    assert {cell: kind_of(cell) for cell in cells} == dict.fromkeys(cells, kind)


def test_long_cells_take_no_time():
    """Numbers that are joined by a separator that is being tried are not compared in every way."""
    joined = ",".join(["-0.123456"] * 30)
    for _ in range(1000):
        assert kind_of(joined) == kind_of(f"{joined};x") == kind_of("1" * 59 + ";") == "text"
