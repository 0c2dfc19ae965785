"""A rate, budget or p-value that calibration cannot reach is refused wherever it can be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.anomaly_vae_pipelines.cli.conftest import RULES
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table

LOWEST = "0.0278"
"""The lowest rate of 35 calibration rows, rounded up: 1/36."""

KINDS = ['kind = "score"\n', 'kind = "run"\nk = 2\nn = 5\n', 'kind = "share"\nshare = 0.5\n']


@pytest.fixture(scope="module")
def few_rows(tmp_path_factory) -> str:
    """A table of 70 rows, half of which calibrate its model."""
    return write_table(tmp_path_factory.mktemp("few") / "few.csv", COLUMNS, orders(70))


@pytest.fixture(scope="module")
def few(few_rows, tiny, tmp_path_factory) -> str:
    """A model with 35 calibration rows, too few for a tail."""
    from click.testing import CliRunner

    from anomaly_vae_pipelines.cli.main import cli

    path = str(tmp_path_factory.mktemp("few_model") / "few.avae")
    options = ["--novelty", "--id", "code", "--ignore", "label", "--config", tiny]
    assert (
        CliRunner(catch_exceptions=False).invoke(cli, ["fit", few_rows, "-o", path, *options]).exit_code == 0
    )
    return path


@pytest.fixture
def refused(run, tmp_path):
    """Run a command that must be refused in one line with the lowest rate, the rows needed and the tail."""

    def check(*command: str, lowest: str, needed: str) -> None:
        ended = run(*command)
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1), ended
        for word in ("35 held-out rows", lowest, needed, "40 held-out rows", "gpd"):
            assert word in ended.err
        assert not list(tmp_path.glob("*out*"))

    return check


def written(tmp_path: Path, text: str, name: str = "rules.toml") -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def test_a_rate_of_a_fit(refused, few_rows, tiny, tmp_path):
    """On the command line and in the configuration file."""
    fit = ["fit", few_rows, "-o", str(tmp_path / "out"), "--id", "code", "--config"]
    refused(*fit, tiny, "--false-alarm-rate", "1e-3", lowest=f"Use {LOWEST} or more", needed="needs 999")
    config = written(tmp_path, Path(tiny).read_text().replace("[", "false-alarm-rate = 0.001\n[", 1))
    refused(*fit, config, lowest=f"Use {LOWEST} or more", needed="needs 999")


def test_a_rate_of_a_threshold(refused, few, tmp_path):
    """The lowest rate is named, and works."""
    threshold = ["threshold", few, "-o", str(tmp_path / "out"), "--false-alarm-rate"]
    refused(*threshold, "0.027", lowest=f"Use {LOWEST} or more", needed="needs 37")


@pytest.mark.parametrize("command", ["threshold", "score"])
def test_a_budget(refused, run, few, few_rows, command, tmp_path):
    """The error names what was written, and the lowest budget in alerts per day, which works."""
    inputs = [few_rows] if command == "score" else []
    start = [command, few, *inputs, "-o", str(tmp_path / "out"), "--rows-per-day", "1000", "--alerts-per-day"]
    refused(*start, "1", lowest="Use 27.8 alerts per day or more", needed="needs 999")
    assert "1 alerts per day of 1000 rows per day" in run(*start, "1").err
    assert run(*start, "27.8").code == 0


def test_a_false_discovery_rate(refused, run, few, few_rows, tmp_path):
    """Below the lowest p-value no batch has a discovery, so that the run would only look quiet."""
    score = ["score", few, few_rows, "-o", str(tmp_path / "out"), "--fdr"]
    refused(*score, "1e-3", lowest=f"Use {LOWEST} or more", needed="needs 999")
    assert run(*score, LOWEST).code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_p_value_of_a_rule(refused, run, few, few_rows, kind, tmp_path):
    """In every command that reads rules."""
    rule = (
        f'[[rule]]\nname = "odd"\n{kind}p_value = 1e-4\n[[sink]]\nkind = "jsonl"\npath = "{tmp_path}/out"\n'
    )
    rules = written(tmp_path, rule)
    for command in (
        ["alerts", "check", rules, few],
        ["score", few, few_rows, "-o", str(tmp_path / "out.csv"), "--alerts", rules],
        ["watch", few, few_rows, "--alerts", rules, "--once", "--checkpoint", str(tmp_path / "out.watch")],
    ):
        refused(*command, lowest=f"Give p_value = {LOWEST} or more", needed="9,999 held-out rows")
    assert run("alerts", "check", written(tmp_path, rule.replace("1e-4", LOWEST)), few).code == 0


def test_a_p_value_of_a_drift(run, few, tmp_path):
    """A short window has no small p-value; the error names one that it has, and a window that works."""
    rule = RULES.format(path=tmp_path / "out").replace('"score"', '"drift"\np_value = 1e-9\nwindow = 5')
    ended = run("alerts", "check", written(tmp_path, rule), few)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "Give p_value = 3.04e-06 or more, a window of 10 rows or more, or a model with more" in ended.err
    for better in (rule.replace("1e-9", "3.04e-06"), rule.replace("window = 5", "window = 10")):
        assert run("alerts", "check", written(tmp_path, better), few).code == 0
    assert run("alerts", "check", written(tmp_path, rule.replace("window = 5", "window = 9")), few).code == 2


def test_a_tail_that_too_few_rows_cannot_estimate(run, few, few_rows, tiny, tmp_path):
    """Wherever it can be written."""
    rules = RULES.format(path=tmp_path / "alerts").replace('"score"', '"score"\np_value = 1e-4\ntail = "gpd"')
    rules, out = written(tmp_path, rules), str(tmp_path / "out")
    gpd, budget = ["--tail", "gpd"], ["--alerts-per-day", "1", "--rows-per-day", "1e4"]
    for command in (
        ["fit", few_rows, "-o", out, "--config", tiny, "--false-alarm-rate", "1e-3", *gpd],
        ["threshold", few, "-o", out, "--false-alarm-rate", "1e-3", *gpd],
        ["threshold", few, "-o", out, *budget, *gpd],
        ["score", few, few_rows, "-o", out, *gpd],
        ["score", few, few_rows, "-o", out, *budget, *gpd],
        ["score", few, few_rows, "-o", out, "--fdr", "1e-3", *gpd],
        ["score", few, few_rows, "-o", out, "--alerts", rules],
        ["alerts", "check", rules, few],
    ):
        ended = run(*command)
        assert (ended.code, ended.err.count("\n")) == (2, 1), command
        assert "a tail of 35 held-out rows cannot be estimated; it needs at least 40" in ended.err
        assert not Path(out).exists()
