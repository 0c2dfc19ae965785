"""``anomaly-vae report``: a page that answers six questions, with the numbers of --json."""

from __future__ import annotations

import json
import re

import pytest

from anomaly_vae_pipelines.reports.page import report_page
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table


@pytest.fixture
def reported(run, model, tmp_path):
    """The page and the JSON of rows of which some hold markup."""
    rows = [[*row] for row in orders(200, seed=9)]
    rows[9][COLUMNS.index("color")] = "<script>alert(1)</script>"
    source, out = write_table(tmp_path / "rows.csv", COLUMNS, rows), tmp_path / "report.html"
    options = ["--label", "label", "--normal", "good", "--time", "day", "--json"]
    ended = run("report", model, source, "-o", str(out), *options)
    assert ended.code == 0, ended.err
    return out.read_text(encoding="utf-8"), json.loads(ended.out)


def test_the_page_is_made_from_the_json_alone_and_is_safe(reported):
    page, content = reported
    assert page == report_page(content)
    assert len(page) < 2_000_000
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=|url\(|https?:", page)


def test_the_page_answers_six_questions(reported):
    page, content = reported
    data, threshold = content["data"], content["model"]["threshold"]
    worst = data["worst"][0]
    assert f"rows.csv, {worst['name']}</h3>" in page  # which rows
    assert f"{worst['reasons'][0]['nats']:.1f} nats" in page  # why
    assert f"<td>{worst['reasons'][0]['column']}</td>" in page
    low, high = threshold["false_alarm_interval"]
    assert f"{100 * low:.2g} % to {100 * high:.2g} %" in page  # how sure
    assert data["trend"]["finding"].capitalize() in page  # is it getting worse
    assert data["by_time"]["column"] == "day"
    assert f"<td>{data['drift']['columns'][0]['name']}</td>" in page  # which column
    assert data["thresholds"]  # what would another threshold do
    for one in data["thresholds"]:
        assert f'<td class="number">{one["offset"]:.4g}</td><td class="number">{one["alerts"]:,}</td>' in page


def test_labels_and_times_need_rows(run, model, tmp_path):
    ended = run("report", model, "-o", str(tmp_path / "r.html"), "--time", "day")
    assert ended.code == 2
    assert "need INPUT" in ended.err


def test_a_wrong_time_is_named_and_no_page_is_written(run, model, unseen, tmp_path):
    ended = run("report", model, unseen, "-o", str(tmp_path / "r.html"), "--time", "color")
    assert ended.code == 2
    assert "line 2: column 'color': wanted a time" in ended.err
    assert not (tmp_path / "r.html").exists()
