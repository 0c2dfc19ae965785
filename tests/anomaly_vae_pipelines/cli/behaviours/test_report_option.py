"""--report of other commands: the page that ``report`` writes of the same rows, from their own pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anomaly_vae_pipelines.reports.page import report_page
from tests.anomaly_vae_pipelines.cli.conftest import alerts_in
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, read_rows, write_table

LABEL = ("--label", "label", "--normal", "good")


@pytest.fixture
def page(tmp_path):
    return tmp_path / "page.html"


@pytest.fixture
def reported(run, model, unseen, tmp_path):
    """The page and the JSON of ``report`` with some options."""

    def invoke(*options: str, source: str = unseen, stdin: bytes | None = None) -> tuple[str, dict]:
        out = tmp_path / "reported.html"
        ended = run("report", model, source, "-o", str(out), "--json", "--force", *options, stdin=stdin)
        assert ended.code == 0, ended.err
        return out.read_text(encoding="utf-8"), json.loads(ended.out)

    return invoke


def test_score_writes_the_same_page_in_the_pass_that_scores(run, model, unseen, page, tmp_path, reported):
    """Standard input can be read only once."""
    rows, out = Path(unseen).read_bytes(), str(tmp_path / "scored.csv")
    ended = run("score", model, "-", "-o", out, "--report", str(page), "--time", "day", stdin=rows)
    assert ended.code == 0, ended.err
    assert page.read_text(encoding="utf-8") == reported("--time", "day", source="-", stdin=rows)[0]
    assert len(read_rows(out)) == 40


def test_alerts_and_the_page_come_from_the_same_pass(run, model, unseen, page, tmp_path, rules, reported):
    out = str(tmp_path / "scored.csv")
    ended = run("score", model, unseen, "-o", out, "--alerts", rules, "--report", str(page), "--time", "day")
    assert ended.code == 0, ended.err
    text, content = reported("--time", "day")
    assert page.read_text(encoding="utf-8") == text
    assert len(alerts_in(tmp_path)) == content["data"]["n_alerts"] > 0


def test_a_column_of_times_that_is_not_there_is_named(run, model, unseen, page, tmp_path):
    out = tmp_path / "scored.csv"
    ended = run("score", model, unseen, "-o", str(out), "--report", str(page), "--time", "dya")
    assert ended.code == 2
    assert "no column 'dya', of the report; did you mean 'day'?" in ended.err
    assert not out.exists()
    assert not page.exists()


def test_rows_that_cannot_be_read_are_counted_on_the_page(run, model, page, tmp_path, reported):
    rows = orders(30, seed=2)
    clean = write_table(tmp_path / "clean.csv", COLUMNS, rows)
    rows.insert(4, ["x", "many", "1", "red", "true", "2026-01-01T08:00:00", "good"])
    source = write_table(tmp_path / "rows.csv", COLUMNS, rows)
    options = ["--report", str(page), "--on-bad-row", "quarantine"]
    ended = run("score", model, source, "-o", str(tmp_path / "out.csv"), *options)
    assert ended.code == 0, ended.err
    text = page.read_text(encoding="utf-8")
    assert "; 1 row could not be read" in text
    assert f"of {reported(source=clean)[1]['data']['n_rows']} flagged" in text


def test_evaluate_adds_what_needs_all_scores(run, model, unseen, page, reported):
    ended = run("evaluate", model, unseen, *LABEL, "--report", str(page), "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    text = page.read_text(encoding="utf-8")
    assert text == report_page(found["report"])
    assert f"AUROC {found['auroc']:.4f}, average precision {found['average_precision']:.4f}" in text
    expected = reported(*LABEL)[1]
    assert expected["data"].pop("ranking") is None
    assert found["report"]["data"].pop("ranking") == {
        key: found[key] for key in ("auroc", "average_precision")
    }
    assert found["report"] == expected


def test_compare_puts_its_table_above_the_report_of_the_new_model(
    run, model, fit, unseen, page, reported, tmp_path
):
    ended, old = fit("--id", "code", "--ignore", "color", *LABEL)
    assert ended.code == 0, ended.err
    gate = ["--gate", "recall>=old-1,alerts<=1"]
    ended = run("compare", old, model, unseen, *LABEL, *gate, "--report", str(page), "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["report"] == reported(*LABEL)[1]
    text = page.read_text(encoding="utf-8")
    assert text == report_page({**found["report"], "comparison": found})
    old, new = found["old"], found["new"]
    assert f'<td class="number">{old["n_alerts"]}</td><td class="number">{new["n_alerts"]}</td>' in text
    assert "<td>recall</td>" in text
    assert "<td>recall&gt;=old-1</td><td>holds</td>" in text
    for group in found["alerts"].values():
        for one in group["examples"]:
            assert f"<td>{one['row']}</td>" in text


def test_fit_writes_the_page_of_the_model_without_rows(run, fit, page, tmp_path):
    ended, model = fit("--report", str(page), *LABEL)
    assert ended.code == 0, ended.err
    assert run("report", model, "-o", str(tmp_path / "r.html")).code == 0
    assert page.read_text(encoding="utf-8") == (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--resume"], "--resume cannot be used with --report"),
        (["--fdr", "0.1"], "--fdr cannot be used with --report"),
        (["--alerts-per-day", "1", "--rows-per-day", "9"], "--alerts-per-day cannot be used with --report"),
        (["--explain", "none"], "leave out --explain none"),
        (["--engine", "ray"], "--report cannot be used with --engine ray"),
        (["--force"], "-o OUT"),
    ],
)
def test_options_that_cannot_go_together_are_refused_in_one_line(
    run, model, unseen, page, tmp_path, options, problem
):
    out = str(page) if options == ["--force"] else str(tmp_path / "out.csv")
    ended = run("score", model, unseen, "-o", out, "--report", str(page), *options)
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert (problem if "OUT" not in problem else "is the file that -o writes") in ended.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["score", "evaluate", "compare", "fit"])
def test_an_existing_page_is_refused_before_the_run(run, model, train, unseen, page, tmp_path, command):
    page.write_text("old")
    arguments = {
        "score": [model, unseen, "-o", str(tmp_path / "out.csv")],
        "evaluate": [model, unseen, *LABEL],
        "compare": [model, model, unseen],
        "fit": [train, "-o", str(tmp_path / "m.avae")],
    }[command]
    ended = run(command, *arguments, "--report", str(page))
    assert (ended.code, ended.out) == (2, "")
    assert "exists" in ended.err
    assert page.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_images_have_a_page_too(run, image_model, plates, page, tmp_path):
    """Of evaluate and fit they have none."""
    out, images = str(tmp_path / "out.csv"), str(plates / "test")
    assert run("evaluate", image_model, str(plates), "--report", str(page)).code == 2
    assert run("fit", str(plates), "-o", out, "--report", str(page)).code == 2
    assert not Path(out).exists()
    assert run("score", image_model, images, "-o", out, "--report", str(page)).code == 0
    assert "<img" in page.read_text()
    ended = run("compare", image_model, image_model, images, "--report", str(page), "--force", "--json")
    assert ended.code == 0
    assert "data:image" not in ended.out
    assert "<img" in page.read_text()
