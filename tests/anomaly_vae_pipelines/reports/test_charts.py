"""Charts show the numbers that they are given."""

from __future__ import annotations

import re

from anomaly_vae_pipelines.reports.charts import bars, curve, waterfall


def _rectangles(svg: str) -> list[tuple[str, float, float]]:
    found = re.findall(r'<rect class="(\w+)" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', svg)
    return [(kind, float(x), float(width)) for kind, x, width in found]


def test_each_step_of_a_waterfall_begins_where_the_last_one_ends():
    first, second, total = _rectangles(waterfall([("<a>", -30.0), ("b", -10.0)]))
    assert abs(first[1] + first[2] - second[1]) < 0.2
    assert abs(first[2] / second[2] - 3.0) < 0.01
    assert abs(total[2] - first[2] - second[2]) < 0.2
    assert "<a>" not in waterfall([("<a>", -30.0)])


def test_bars_with_alerts_are_marked():
    bins = [
        {"start": 0, "rows": 2, "alerts": 0, "highest": 5.0},
        {"start": 6, "rows": 2, "alerts": 1, "highest": 40.0},
    ]
    assert [kind for kind, _, _ in _rectangles(bars(bins, 2, "row", "1", "8"))] == ["bar", "alert"]


def test_a_curve_shows_both_ends():
    assert all(f">{end}</text>" in curve([-9.5, -3.0, -2.5]) for end in ("-9.5", "-2.5"))
