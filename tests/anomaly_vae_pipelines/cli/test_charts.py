"""Charts of one line."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from anomaly_vae.score_bins import ScoreBins
from anomaly_vae_pipelines.cli.charts import ASCII, BLOCKS, chart, score_pairs


def test_heights_are_in_proportion_and_one_row_is_seen() -> None:
    """Of the highest count; only a count of zero is blank."""
    assert chart([0, 1, 500, 1000], 2) == " ▁|▄█"


def test_the_bar_stands_at_the_threshold() -> None:
    """Also before the first and after the last bin; no blank ends the line."""
    assert [chart([1, 1], n_below) for n_below in (0, 1, 2)] == ["|██", "█|█", "██|"]
    assert chart([1, 0, 0], 1) == "█|"


def test_a_terminal_without_blocks_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have as many heights."""
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert chart([0, 1, 8], 1) == " |.%"
    assert len(ASCII) == len(BLOCKS)


def test_groups_are_below_each_other_with_their_scale() -> None:
    """Of one length, as they have the same bins."""
    groups = {"normal": np.array([-1.0, 4.0]), "anomalous": np.array([-9.0, 4.0])}
    pairs = score_pairs(ScoreBins.of(groups, -2.0, 10))
    assert [name for name, _ in pairs] == ["normal", "anomalous", ""]
    assert len({len(text) for _, text in pairs[:2]}) == 1
    assert pairs[2][1] == "scores from -9 to 4 nats, | is the threshold"
