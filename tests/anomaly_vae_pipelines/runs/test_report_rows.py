"""What a report collects: the same for any blocks, the first of equal scores, and of bounded size."""

from __future__ import annotations

import json

import numpy as np
import pytest

from anomaly_vae_pipelines.reasons import Reason, Reasons
from anomaly_vae_pipelines.records import Label, Rows, ScoredRows
from anomaly_vae_pipelines.runs.report_rows import N_WORST, ReportRows, shown_reasons
from tests.anomaly_vae_pipelines.conftest import text_rows

CALIBRATION = np.sort(np.random.default_rng(1).normal(size=500))


def _explained(row: Rows) -> dict:
    """Two reasons for four fifths of the shortfall of ten nats."""
    assert len(row) == 1
    assert row.raw is None, "would keep the bytes of its block in memory"
    return shown_reasons([Reason("amount", -6.0, "60", "20", 0.6), Reason("count", -2.0, "9", "5", 0.2)])


def _content(scores: np.ndarray, sizes: int = 1, time: str | None = "when") -> dict:
    """The content of a report on rows of one second each, in ``sizes`` blocks; low scores are bad."""
    report = ReportRows(-2.0, CALIBRATION, _explained, Label("label", "good"), time)
    for part in np.array_split(np.arange(len(scores)), sizes):
        cells = [[str(second), "bad" if scores[second] < -3 else "good"] for second in part.tolist()]
        chosen, flagged = scores[part], scores[part] < -2.0
        reasons = {int(i): [("amount", -6.0, 0.6), ("count", -2.0, 0.2)] for i in np.flatnonzero(flagged)}
        rows = text_rows(["when", "label"], cells)
        report.observe(ScoredRows(rows, chosen, chosen, -chosen, flagged, Reasons(reasons)))
    return report.content()


def test_blocks_do_not_matter_except_for_lines():
    scores = np.random.default_rng(0).normal(size=900) * 1.5
    whole, parts = _content(scores), _content(scores, sizes=7)
    for content in (whole, parts):
        for row in content["worst"]:
            del row["name"]  # text_rows counts lines from 2 in each block
    assert whole == parts
    assert whole["n_alerts"] == (scores < -2.0).sum()
    assert [row["score"] for row in whole["worst"]] == sorted(scores)[:N_WORST]
    for one in whole["thresholds"]:
        assert one["alerts"] == (scores < one["offset"]).sum()
        hits = ((scores < one["offset"]) & (scores < -3)).sum()
        assert one["evaluation"]["hits"] == hits


def test_of_equal_scores_the_first_rows_are_shown():
    content = _content(np.full(60, -4.0), sizes=4)
    assert [row["position"] for row in content["worst"]] == list(range(1, N_WORST + 1))


def test_nats_that_no_reason_names_belong_to_other_columns():
    content = _content(np.array([-4.0, 0.0]))
    assert content["worst"][0]["other_nats"] == pytest.approx(-2.0)
    assert content["groups"]["largest"] == [{"columns": ["amount"], "rows": 1}]


def test_more_rows_do_not_make_a_longer_report():
    lengths = [len(json.dumps(_content(np.tile([-4.0, *np.zeros(19)], n)))) for n in (50, 500)]
    assert lengths[1] < 1.2 * lengths[0]


@pytest.mark.parametrize(
    ("early", "late", "finding"), [(2, 20, "more alerts"), (20, 2, "fewer alerts"), (9, 9, "no clear change")]
)
def test_a_trend_is_clear_or_not(early, late, finding):
    scores = np.zeros(400)
    scores[:early] = scores[200 : 200 + late] = -4.0
    for time in ("when", None):
        assert _content(scores, time=time)["trend"]["finding"] == finding
