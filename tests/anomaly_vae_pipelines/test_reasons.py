"""Why rows scored low."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.reasons import Reason, Reasons

EXPLAINED = {3: [("src_bytes", -12.345, 0.614), ("count", -5.1, 0.25)], 9: [], 4: [("latent", -0.05, 1.0)]}


def seen(row: int, column: str) -> tuple[str | None, str | None]:
    """A cell that names its row and column, and what was expected."""
    return (None, None) if column == "latent" else (f"{column} {row}", "1")


def test_a_reason_has_what_the_detector_said_and_both_values():
    """Worst first, as explained; without cells both values are unknown."""
    assert Reasons(EXPLAINED, seen)[3] == [
        Reason("src_bytes", -12.345, "src_bytes 3", "1", 0.614),
        Reason("count", -5.1, "count 3", "1", 0.25),
    ]
    assert Reasons(EXPLAINED)[4] == [Reason("latent", -0.05, None, None, 1.0)]


def test_they_are_a_mapping_by_row():
    """Rows that were not explained have none."""
    reasons = Reasons(EXPLAINED)
    assert (list(reasons), len(reasons), reasons.get(5, ())) == ([3, 9, 4], 3, ())
    assert (list(Reasons()), Reasons().texts()) == ([], [])
    with pytest.raises(KeyError):
        reasons[5]


def test_texts_are_names_nats_and_shares():
    """One decimal and whole percents, in the order of the rows."""
    assert Reasons(EXPLAINED).texts() == [
        "src_bytes:-12.3 (61 %);count:-5.1 (25 %)",
        "",
        "latent:-0.1 (100 %)",
    ]


def test_a_part_has_its_own_positions():
    """It shows the same cells as the whole."""
    whole = Reasons(EXPLAINED, seen)
    part = whole.part(3, 9).part(0, 5)
    assert dict(part) == {0: whole[3], 1: whole[4]}


def test_a_value_that_training_never_saw_names_itself():
    """With or without the expected values; a text has no semicolon but those between reasons."""
    explained = {0: [("ver", -9.08, 0.48), ("count", -1.0, 0.2)], 1: [("ver", -9.08, 0.48)]}
    values = {0: "v9", 1: "a;b " * 20}

    def unseen(row: int, column: str) -> str | None:
        return values[row] if column == "ver" else None

    reasons = Reasons(explained, unseen=unseen)
    assert reasons[0][0] == Reason("ver", -9.08, "v9", None, 0.48, unseen=True)
    first, second = reasons.texts()
    assert first == "ver:-9.1 (48 %, value 'v9' was never seen);count:-1.0 (20 %)"
    assert ";" not in second
    assert len(second) < 120
    assert Reasons(explained, seen, unseen)[0][0] == Reason("ver", -9.08, "v9", "1", 0.48, unseen=True)
    assert reasons.part(1, 2).texts() == [second]
