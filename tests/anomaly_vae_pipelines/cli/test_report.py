"""``anomaly-vae report``: a page that answers six questions, with the numbers of --json.

The answers are compared with the output of ``score`` and with the detector, not with the JSON of the report.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from anomaly_vae import load_scorer
from anomaly_vae.thresholds import can_guarantee, false_alarm_offset
from anomaly_vae_pipelines.cli.main import cli
from anomaly_vae_pipelines.reports.page import report_page
from anomaly_vae_pipelines.runs.report_rows import N_WORST, RATES
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, read_rows, write_table

N_ROWS = 400
FAR = 5000.0
"""An amount that is far from all others."""


def _moved_rows() -> list[list[str]]:
    """Rows in random order: from a moment on their counts are higher; one amount is far off, with markup."""
    start, rows = datetime(2026, 1, 2, tzinfo=UTC), orders(N_ROWS, seed=9)
    for number, row in enumerate(rows):
        row[COLUMNS.index("day")] = (start + timedelta(hours=1.5 * number)).strftime("%Y-%m-%dT%H:%M:%S")
        row[COLUMNS.index("count")] = str(int(row[COLUMNS.index("count")]) + 9 * (number >= N_ROWS // 2))
    rows[40][COLUMNS.index("amount")] = f"{FAR:.2f}"
    rows[40][COLUMNS.index("color")] = "<script>alert(1)</script>"
    random.Random(0).shuffle(rows)
    return rows


@dataclass(frozen=True)
class Reported:
    """A page, its JSON, and what ``score`` and the detector say about the same rows."""

    page: str
    content: dict
    scored: pd.DataFrame
    detector: object

    def section(self, title: str) -> str:
        """A part of the page, in HTML."""
        return self.page.partition(f"<h2>{title}</h2>")[2].partition("<h2>")[0]


def _lines(html: str) -> list[list[str]]:
    """The cells of the tables in a part of a page."""
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    return [[unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in rows]


@pytest.fixture(scope="module")
def reported(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reported")
    source, out, scored = (str(folder / name) for name in ("rows.csv", "report.html", "scored.csv"))
    write_table(folder / "rows.csv", COLUMNS, _moved_rows())
    options = ["--label", "label", "--normal", "good", "--time", "day", "--json"]
    runner = CliRunner(catch_exceptions=False)
    ended = runner.invoke(cli, ["report", model, source, "-o", out, *options])
    assert ended.exit_code == 0, ended.stderr
    assert runner.invoke(cli, ["score", model, source, "-o", scored]).exit_code == 0
    table = pd.DataFrame(read_rows(scored))
    numbers = dict.fromkeys(("score", "p_value", "severity"), float)
    table = table.astype(numbers).assign(flagged=table["is_anomaly"] == "true")
    page = (folder / "report.html").read_text(encoding="utf-8")
    return Reported(page, json.loads(ended.stdout), table, load_scorer(model))


def test_the_page_is_made_from_the_json_alone_and_is_safe(reported):
    page = reported.page
    assert page == report_page(reported.content)
    assert len(page) < 2_000_000
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=|url\(|https?:", page)


def test_which_rows(reported):
    """The flagged rows with the lowest scores, the lowest first, each with its place in the file."""
    scored = reported.scored
    worst = scored[scored["flagged"]].sort_values("score", kind="stable")[:N_WORST]
    found = re.findall(r"<h3>(.*?)</h3><p>(.*?)</p>", reported.section("Which rows, and why?"))
    assert [place.rpartition(", line ")[2] for place, _ in found] == [str(row + 2) for row in worst.index]
    for (place, text), row in zip(found, worst.itertuples(), strict=True):
        assert place.endswith(f"rows.csv, line {row.Index + 2}")
        measures = f"Score {row.score:.4g} nats, severity {row.severity:.1f}, p-value {row.p_value:.2g}"
        assert text == f"{measures}, label {row.label}"
    assert scored.loc[worst.index[0], "amount"] == f"{FAR:.2f}"


def test_why(reported):
    """The columns that cost most, with their nats and what was observed and expected; the bars add up."""
    detector, scored = reported.detector, reported.scored
    parts = reported.section("Which rows, and why?").split('<section class="row">')[1:]
    assert len(parts) == N_WORST
    for part in parts:
        row = scored.iloc[[int(re.search(r", line (\d+)</h3>", part)[1]) - 2]]
        X = row[list(detector.feature_names_in_)].assign(
            amount=pd.to_numeric(row["amount"].replace("", np.nan)), count=row["count"].astype(float)
        )
        (expected,) = detector.explain_shares(X, n_columns=8)
        lines = [line for line in _lines(part) if line]
        assert [(name, nats) for name, *_, nats in lines] == [
            (name, f"{nats:.1f}") for name, nats, _ in expected
        ]
        for name, observed, *_ in lines:
            if name == "amount":
                assert float(observed or "nan") == pytest.approx(X["amount"].iloc[0], rel=1e-3, nan_ok=True)
        total = sum(nats for _, nats, _ in expected)
        bars = [float(nats) for nats in re.findall(r">(-?[\d.]+) nats</text>", part)]
        assert bars[-1] == pytest.approx(sum(bars[:-1]), abs=0.05 * len(bars))
        assert bars[-1] <= total + 0.1
    first = [line for line in _lines(parts[0]) if line]
    assert first[0][:2] == ["amount", f"{FAR:.4g}"]
    assert float(first[0][2]) < 100
    assert [seen for name, seen, *_ in first if name == "color"] == ["<script>alert(1)</script> (never seen)"]


def test_how_sure(reported):
    """The threshold, its interval, and the interval of the false-alarm rate."""
    detector, found = reported.detector, reported.section("How sure is the threshold?")
    texts = [cells[0] for cells in _lines(found)]
    low, high = detector.threshold_interval_
    assert texts[0].startswith(f"{detector.offset_:.4g} nats")
    assert texts[1] == f"{'no bound' if np.isinf(low) else f'{low:.4g} nats'} to {high:.4g} nats"
    least, most = detector.false_alarm_interval_
    assert f"{100 * least:.2g} % to {100 * most:.2g} %" in texts
    assert texts[-1] == f"{len(detector.calibration_scores_)} held-out rows"


def test_is_it_getting_worse(reported):
    """The alerts before and after a moment that counts the rows of both, in the order of the times."""
    found = reported.section("Is it getting worse?")
    text = re.search(r"<p>(.*?): (\d+) in the earlier (\d+) rows, (\d+) in the later (\d+);", found)
    finding, (early, n_early, late, n_late) = text[1], map(int, text.groups()[1:])
    flagged = reported.scored.sort_values("day", kind="stable")["flagged"].to_numpy()
    assert (n_early + n_late, finding) == (N_ROWS, "More alerts")
    assert (early, late) == (flagged[:n_early].sum(), flagged[n_early:].sum())
    assert abs(n_early - N_ROWS // 2) < N_ROWS // 20
    assert "day (" in found


def test_which_column(reported):
    """The column that was moved is named, and no column that was not."""
    found = reported.section("Which columns drift?")
    assert "<p>Drift in count, found after " in found
    drifted = {name: moved for name, moved, *_ in filter(None, _lines(found))}
    assert drifted["count"] == "yes"
    assert {drifted[name] for name in ("amount", "open")} == {"no"}


def test_what_would_another_threshold_do(reported):
    """Alerts, misses and false alarms at each rate that the calibration rows can guarantee."""
    scored, calibration = reported.scored, reported.detector.calibration_scores_
    rates = [rate for rate in RATES if can_guarantee(rate, len(calibration))]
    lines = [line for line in _lines(reported.section("What would another threshold do?")) if line]
    assert len(lines) == len(rates) > 0
    bad = scored["label"] != "good"
    for rate, (shown, _, offset, *counts) in zip(rates, lines, strict=True):
        threshold = false_alarm_offset(calibration, rate)
        alerts = scored["score"] < threshold
        assert (shown, offset) == (f"{100 * rate:.2g} %", f"{threshold:.4g}")
        assert list(map(int, counts)) == [alerts.sum(), (bad & ~alerts).sum(), (~bad & alerts).sum()]


def test_peers_are_compared_with_their_settings(run, model, unseen, tmp_path):
    out = tmp_path / "report.html"
    options = ["--peers", "--label", "label", "--normal", "good", "--json"]
    ended = run("report", model, unseen, "-o", str(out), *options)
    assert ended.code == 0, ended.err
    found = out.read_text(encoding="utf-8").partition("<h2>What do other detectors say?</h2>")[2]
    peers = json.loads(ended.out)["data"]["peers"]
    assert "fitted on the data of this page, 40 rows and" in found
    lines = [line for line in _lines(found.partition("<h2>")[0]) if line]
    assert [line[0] for line in lines] == ["this model", "isolation forest", "nearest neighbours"]
    for line, one in zip(lines, peers["detectors"], strict=True):
        measures = [f"{one[name]:.4f}" for name in ("average_precision", "auroc")]
        shared = f"{one['shared_worst']}"
        assert line == [one["name"], one["settings"], f"{one['rank_correlation']:.3f}", shared, *measures]


def test_labels_and_times_need_rows(run, model, tmp_path):
    ended = run("report", model, "-o", str(tmp_path / "r.html"), "--time", "day")
    assert ended.code == 2
    assert "need INPUT" in ended.err


def test_a_wrong_time_is_named_and_no_page_is_written(run, model, unseen, tmp_path):
    ended = run("report", model, unseen, "-o", str(tmp_path / "r.html"), "--time", "color")
    assert ended.code == 2
    assert "line 2: column 'color': wanted a time" in ended.err
    assert not (tmp_path / "r.html").exists()
