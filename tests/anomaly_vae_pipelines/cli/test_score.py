"""``anomaly-vae score``."""

from __future__ import annotations

import csv
import gzip
import json
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, false_discovery_control

from anomaly_vae import load
from anomaly_vae_pipelines.records import RESULT_COLUMNS
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, read_rows, read_table, write_table

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
NAME = st.text(string.ascii_letters + ' ,"\né', min_size=1, max_size=5).map("x".__add__)


def test_every_column_of_the_input_is_written_as_it_was(run, model, unseen, tmp_path):
    """007 stays 007; results come after, one row for each."""
    out = tmp_path / "out.csv"
    ended = run("score", model, unseen, "-o", str(out))
    assert ended.code == 0
    before, after = read_rows(unseen), read_rows(out)
    assert list(after[0]) == [*COLUMNS, *RESULT_COLUMNS]
    assert [{name: row[name] for name in COLUMNS} for row in after] == before
    assert after[7]["code"] == "007"


def test_written_scores_are_the_detectors_bit_for_bit(run, model, unseen, tmp_path):
    """A score in the file is the float that score_samples gives."""
    out = tmp_path / "out.csv"
    run("score", model, unseen, "-o", str(out))
    detector = load(model)
    expected = detector.score_samples(read_table(unseen)[list(detector.feature_names_in_)])
    assert [float(row["score"]) for row in read_rows(out)] == expected.tolist()


def test_rows_below_the_threshold_are_flagged_and_explained(run, model, unseen, tmp_path):
    """is_anomaly is true or false, and only what is flagged has reasons."""
    out = tmp_path / "out.csv"
    run("score", model, unseen, "-o", str(out))
    offset = load(model).offset_
    for row in read_rows(out):
        assert row["is_anomaly"] == ("true" if float(row["score"]) < offset else "false")
        assert bool(row["top_columns"]) == (row["is_anomaly"] == "true")
    assert any(row["top_columns"].startswith("amount:-") for row in read_rows(out))


@pytest.mark.slow
@given(
    st.lists(NAME, min_size=1, max_size=3, unique=True).flatmap(
        lambda names: st.tuples(
            st.just(names),
            st.lists(st.lists(CELL, min_size=len(names), max_size=len(names)), min_size=1, max_size=3),
        )
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_any_text_passes_through(run, model, tmp_path, table):
    """Columns that the model does not know come out as they went in, whatever is in them."""
    names, extra = table
    rows = [[*order, *cells] for order, cells in zip(orders(len(extra)), extra, strict=True)]
    source = write_table(tmp_path / "in.csv", [*COLUMNS, *names], rows)
    out = str(tmp_path / "out.csv")
    ended = run("score", model, source, "-o", out, "--force")
    assert ended.code == 0, ended.err
    with open(out, encoding="utf-8", newline="") as stream:
        written = [row[: -len(RESULT_COLUMNS)] for row in csv.reader(stream)]
    assert written == [[*COLUMNS, *names], *rows]


def test_streams_and_compressed_files_are_read_and_written(run, model, unseen, tmp_path):
    """Standard input to standard output is what file to file is, and so is gzip."""
    out = tmp_path / "out.csv.gz"
    run("score", model, unseen, "-o", str(out))
    with open(unseen, "rb") as stream:
        content = stream.read()
    expected = gzip.decompress(out.read_bytes()).decode()
    for source in (content, gzip.compress(content)):
        assert run("score", model, "-", "-o", "-", stdin=source).out == expected


def test_a_summary_goes_to_stderr(run, model, unseen):
    """Results are alone on stdout; --quiet says nothing."""
    loud, quiet = run("score", model, unseen, "-o", "-"), run("score", model, unseen, "-o", "-", "--quiet")
    assert loud.err.startswith("40 rows, ")
    assert quiet.err == ""
    assert loud.out == quiet.out


def test_explanations_can_be_had_for_all_rows_or_none(run, model, unseen):
    """--explain says for whom."""
    for explain, n_explained in (("all", 30), ("none", 0)):
        lines = run("score", model, unseen, "-o", "-", "--explain", explain).out.splitlines()[1:]
        assert sum(not line.endswith(",") for line in lines) >= n_explained
        assert explain == "all" or all(line.endswith(",") for line in lines)


def test_a_result_column_that_exists_is_refused(run, model, unseen, tmp_path):
    """Scoring what was scored already needs other names."""
    once, twice = str(tmp_path / "once.csv"), str(tmp_path / "twice.csv")
    run("score", model, unseen, "-o", once)
    ended = run("score", model, once, "-o", twice)
    assert ended.code == 2
    assert "has a column 'score'" in ended.err
    assert "--prefix" in ended.err
    assert run("score", model, once, "-o", twice, "--prefix", "second_").code == 0
    assert {row["score"] == row["second_score"] for row in read_rows(twice)} == {True}


@pytest.mark.parametrize("word", ["true", "TRUE", "1"])
def test_booleans_are_read_in_every_spelling(run, model, word):
    """The spelling may differ from that of the training rows."""
    header, day = ",".join(COLUMNS), "2026-01-05T10:00:00"
    row, plain = (f"001,20.0,3,red,{truth},{day},good" for truth in (word, "true"))
    scores = [
        run("score", model, "-", "-o", "-", stdin=f"{header}\n{text}\n".encode())
        .out.splitlines()[1]
        .split(",")[7]
        for text in (row, plain)
    ]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("threshold", [["--fdr", "0.4"], ["--alerts-per-day", "3", "--rows-per-day", "10"]])
def test_alerts_are_judged_by_the_threshold_that_flags_the_rows(run, model, tmp_path, threshold):
    """The p-value of a share of anomalies follows from the false-alarm rate of the first pass."""
    rows = orders(90, seed=3)
    for row in rows[::3]:
        row[1], row[2] = "99999", "9999"
    table, out = write_table(tmp_path / "table.csv", COLUMNS, rows), tmp_path / "out.csv"
    rules, alerts = tmp_path / "rules.toml", tmp_path / "alerts.jsonl"
    rules.write_text(
        '[[rule]]\nname = "many"\nkind = "share"\nshare = 0.3\nwindow = 90\n'
        f'[[sink]]\nname = "file"\nkind = "jsonl"\npath = "{alerts}"\n'
    )
    ended = run("score", model, table, "-o", str(out), "--alerts", str(rules), *threshold)
    assert ended.code == 0, ended.err
    summary = json.loads((tmp_path / "out.csv.summary.json").read_text())
    detector = load(model)
    assert summary["threshold"] != detector.offset_
    calibration = detector.calibration_scores_
    rate = (1 + (calibration < summary["threshold"]).sum()) / (1 + len(calibration))
    alert = json.loads(alerts.read_text())
    assert alert["p_value"] == pytest.approx(binom.sf(summary["n_anomalies"] - 1, 90, rate))


class TestTail:
    """``--tail gpd``."""

    @pytest.fixture
    def far(self, tmp_path):
        """Rows of which a third is far from all others, each at another distance."""
        rows = orders(90, seed=3)
        for i, row in enumerate(rows[::3]):
            row[1] = f"{10.0 ** (5 + i % 5)}"
        return write_table(tmp_path / "far.csv", COLUMNS, rows)

    def test_alone_it_estimates_p_values(self, run, model, far, tmp_path):
        """Scores and decisions stay those of the model; p-values below all calibration rows are estimated."""
        plain, tail = str(tmp_path / "plain.csv"), str(tmp_path / "tail.csv")
        assert run("score", model, far, "-o", plain).code == 0
        ended = run("score", model, far, "-o", tail, "--tail", "gpd")
        assert ended.code == 0, ended.err
        detector = load(model)
        frame = read_table(far)[list(detector.feature_names_in_)]
        estimated = [float(row["p_value"]) for row in read_rows(tail)]
        assert estimated == pytest.approx(detector.p_values(frame, tail="gpd").tolist(), rel=1e-5)
        least = 1 / (len(detector.calibration_scores_) + 1)
        lowest = min(float(row["p_value"]) for row in read_rows(plain))
        assert 0 < min(estimated) < lowest == pytest.approx(least, rel=1e-5)
        others = [name for name in RESULT_COLUMNS if name != "p_value"]
        assert [[row[name] for name in others] for row in read_rows(tail)] == [
            [row[name] for name in others] for row in read_rows(plain)
        ]

    def test_the_summary_states_it(self, run, model, far, tmp_path):
        """Who reads the p-values can know that they are estimates."""
        for options, tail in (
            ([], "empirical"),
            (["--tail", "gpd"], "gpd"),
            (["--tail", "empirical"], "empirical"),
        ):
            assert run("score", model, far, "-o", str(tmp_path / "o.csv"), "--force", *options).code == 0
            assert json.loads((tmp_path / "o.csv.summary.json").read_text())["tail"] == tail

    def test_false_discoveries_can_be_fewer(self, run, model, far, tmp_path):
        """A false-discovery rate below the lowest p-value flags rows by their estimated p-values."""
        out = str(tmp_path / "out.csv")
        assert run("score", model, far, "-o", out, "--fdr", "0.005").code == 2
        ended = run("score", model, far, "-o", out, "--fdr", "0.005", "--tail", "gpd")
        assert ended.code == 0, ended.err
        rows = read_rows(out)
        flagged = [row["is_anomaly"] == "true" for row in rows]
        adjusted = false_discovery_control([float(row["p_value"]) for row in rows])
        assert flagged == [bool(p_value <= 0.005) for p_value in adjusted]
        assert 0 < sum(flagged) < 90
        none = run("score", model, far, "-o", out, "--fdr", "1e-300", "--tail", "gpd", "--force")
        assert "no row is flagged at a false-discovery rate of 1e-300: the p-values of 90 rows" in none.err

    def test_a_budget_has_estimated_p_values_too(self, run, model, far, tmp_path):
        """A row is flagged exactly if its p-value is at most the rate of the budget."""
        out = str(tmp_path / "out.csv")
        budget = ["--alerts-per-day", "1", "--rows-per-day", "1000"]
        ended = run("score", model, far, "-o", out, *budget, "--tail", "gpd")
        assert ended.code == 0, ended.err
        for row in read_rows(out):
            assert (row["is_anomaly"] == "true") == (float(row["p_value"]) <= 1e-3)
