"""The bounds of time grow with the time that a fixed task takes, up to a limit."""

from __future__ import annotations

from tests.forgeries.speed import MAX_SLOWNESS, slowness


def test_a_machine_as_fast_as_the_reference_gets_no_more_time() -> None:
    """Nor does a faster one get less: its bounds are those of the reference."""
    assert slowness(reference_seconds=60.0) == 1.0


def test_a_slower_machine_gets_more_time_up_to_a_limit() -> None:
    """A hang is found on any machine."""
    assert slowness(reference_seconds=1e-6) == MAX_SLOWNESS
