"""``anomaly-vae fit``."""

from __future__ import annotations

import os
import re

import pytest

from anomaly_vae import load
from tests.anomaly_vae_pipelines.cli.conftest import parameters_of
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table


def test_fit_says_what_it_did_on_stdout(fit, cross_fitting):
    """Rows, columns by kind, held-out ELBO, threshold, and where the model is."""
    ended, path = fit("--label", "label", "--normal", "good", "--ignore", "code", config=cross_fitting)
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0].startswith("fitted 108 rows in ")
    assert [line.split()[0] for line in lines[1:]] == ["columns", "held", "threshold", "actual", "saved"]
    assert "2 numeric" in lines[1]
    assert "nats" in lines[2]
    assert lines[4].endswith(" with 90 % confidence (105 calibration rows)")
    assert lines[-1].endswith(path)
    assert ended.err == ""


def test_a_rate_that_many_rows_guarantee_has_no_second_line(fit):
    """The actual rate is shown only if it may be more than 1.5 times the guaranteed one."""
    wide, path = fit("--id", "code", "--false-alarm-rate", "0.04")
    low, high = load(path).false_alarm_interval_
    assert f"  actual rate  {low:.2g} to {high:.2g} with 90 % confidence (60 calibration rows)\n" in wide.out
    for options in (["--false-alarm-rate", "0.6"], ["--contamination", "0.1"]):
        narrow, _ = fit("--id", "code", *options)
        assert "actual rate" not in narrow.out


def test_a_label_makes_training_rows_clean(fit, run):
    """With --label the rows are known to be normal, without they are not, and a flag decides otherwise."""
    label = ["--label", "label", "--normal", "good", "--id", "code"]
    for options, novelty in ((label, True), (["--ignore", "code"], False), ([*label, "--no-novelty"], False)):
        _, path = fit(*options)
        assert parameters_of(run, path)["novelty"] is novelty


def test_columns_left_out_are_no_features(fit):
    """--id and --ignore may be repeated; the label is left out by itself."""
    _, path = fit(
        "--label", "label", "--normal", "good", "--id", "code", "--ignore", "day", "--ignore", "count"
    )
    assert load(path).feature_names_in_.tolist() == ["amount", "color", "open"]


def test_the_same_seed_gives_the_same_model(fit, run, unseen, tmp_path):
    """Twice the same command is twice the same scores; another seed is another model."""

    def scores(*options: str) -> str:
        _, path = fit("--id", "code", *options)
        return run("score", path, unseen, "-o", "-").out

    assert scores() == scores("--seed", "0") != scores("--seed", "1")


def test_a_false_alarm_rate_is_guaranteed(fit):
    """The threshold is put where the rate was asked for."""
    ended, path = fit("--id", "code", "--false-alarm-rate", "0.25")
    assert load(path).false_alarm_rate_ == 0.25
    assert "false-alarm rate 0.25" in ended.out


def test_a_rate_that_cannot_be_guaranteed_is_refused_before_the_fit(fit, cross_fitting, tmp_path):
    """The number of calibration rows is known as soon as the table is read: a long fit is not started."""
    table = write_table(tmp_path / "few.csv", COLUMNS, orders(24))
    options = ["--id", "code", "--false-alarm-rate", "0.001", "--verbose"]
    ended, path = fit(*options, table=table, config=cross_fitting)
    assert ended.code == 2
    assert "cannot be guaranteed from 20 held-out rows; it needs 999. Use 0.0477 or more" in ended.err
    assert "ELBO" not in ended.err
    assert not os.path.exists(path)
    ended, _ = fit(*options, "--tail", "gpd", table=table, config=cross_fitting)
    assert "a tail of 20 held-out rows cannot be estimated; it needs at least 40" in ended.err
    assert "ELBO" not in ended.err


def test_a_rate_can_be_estimated(fit, tmp_path):
    """With a tail, where there are rows enough for one."""
    table = write_table(tmp_path / "more.csv", COLUMNS, orders(250))
    ended, path = fit("--id", "code", "--false-alarm-rate", "1e-4", "--tail", "gpd", table=table)
    assert ended.code == 0, ended.err
    assert (load(path).false_alarm_rate_, load(path).tail_) == (1e-4, "gpd")
    assert "(false-alarm rate 0.0001, estimated)" in ended.out


class TestRecipe:
    """``--recipe NAME``."""

    @pytest.mark.parametrize("recipe", ["tabular", "tabular_numeric", "embeddings"])
    def test_a_recipe_goes_through_every_command(self, fit, run, tmp_path, recipe):
        """Fit, score, evaluate, threshold and inspect work on the model of each."""
        rows = [[order[2], str(i % 7 + 0.5), order[-1]] for i, order in enumerate(orders(80))]
        table = write_table(tmp_path / "numbers.csv", ["count", "size", "label"], rows)
        ended, path = fit("--recipe", recipe, "--label", "label", "--normal", "good", table=table)
        assert ended.code == 0, ended.err
        moved = str(tmp_path / "moved.avae")
        assert run("score", path, table, "-o", str(tmp_path / "out.csv"), "--explain", "all").code == 0
        assert run("evaluate", path, table, "--label", "label", "--normal", "good").code == 0
        assert run("threshold", path, "--false-alarm-rate", "0.2", "-o", moved).code == 0
        assert "TabularVAEDetector" in run("inspect", moved).out
        assert parameters_of(run, moved)["max_steps"] == 5

    def test_text_is_no_number(self, fit, train):
        """What a recipe refuses is the table's fault, and is said in a line."""
        ended, _ = fit("--recipe", "tabular_numeric", "--id", "code")
        assert ended.code == 2
        assert ended.err.startswith(f"anomaly-vae: error: {train}: cannot be fitted (could not convert")
        assert ended.err.count("\n") == 1

    def test_a_recipe_that_is_not_there_is_refused_with_the_nearest(self, fit):
        """And all are named."""
        ended, _ = fit("--recipe", "tabular_numbers")
        assert ended.code == 2
        assert "did you mean 'tabular_numeric'?" in ended.err


def test_contamination_reaches_the_detector(fit, run):
    """The share of anomalies is a parameter of the fit."""
    _, path = fit("--id", "code", "--contamination", "0.1")
    assert parameters_of(run, path)["contamination"] == 0.1


def test_thresholds_exclude_each_other(fit):
    """Two ways to put one threshold are a contradiction."""
    ended, _ = fit("--false-alarm-rate", "0.1", "--contamination", "0.1")
    assert ended.code == 2
    assert "Give only one of --false-alarm-rate, --contamination" in ended.err


@pytest.mark.parametrize("rate", ["0", "1", "-0.5", "2", "often"])
def test_a_rate_is_between_never_and_always(fit, rate):
    """0 and 1 are not valid rates."""
    ended, _ = fit("--false-alarm-rate", rate)
    assert ended.code == 2
    assert "--false-alarm-rate" in ended.err


@pytest.mark.parametrize("options", [["--label", "label"], ["--normal", "good"]])
def test_label_and_normal_go_together(fit, options):
    """A label without its normal value says nothing, nor the other way round."""
    ended, _ = fit(*options)
    assert ended.code == 2
    assert "Give --label and --normal together" in ended.err


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--label", "lable", "--normal", "good"], "no column 'lable'; did you mean 'label'?"),
        (["--label", "label", "--normal", "god"], "no row has 'god' in column 'label'"),
        (["--id", "Code"], "no column 'Code'; did you mean 'code'?"),
        (["--ignore", "colour"], "no column 'colour'; did you mean 'color'?"),
    ],
)
def test_names_that_are_not_there_are_refused_with_the_nearest(fit, train, options, hint):
    """A misspelt option never trains on the wrong columns."""
    ended, _ = fit(*options)
    assert ended.code == 2
    assert ended.err.startswith(f"anomaly-vae: error: {train}: ")
    assert hint in ended.err


def test_standard_input_can_be_learned_from(fit, train):
    """A dash is standard input."""
    with open(train, "rb") as stream:
        ended, path = fit("--id", "code", table="-", stdin=stream.read())
    assert ended.code == 0
    assert load(path).n_features_in_ == 6


def test_a_model_is_no_stream(run, train, tiny):
    """A model goes to a file."""
    ended = run("fit", train, "-o", "-", "--config", tiny)
    assert ended.code == 2
    assert "wanted the name of a file" in ended.err


def test_warnings_are_one_line_on_stderr(fit, tmp_path):
    """A column that looks like an identifier is named, and the way out with it."""
    rows = [[f"order {row[0]}", *row[1:]] for row in orders(60)]
    ended, _ = fit(table=write_table(tmp_path / "a.csv", COLUMNS, rows))
    assert ended.code == 0
    assert ended.err.startswith("anomaly-vae: warning: column 'code' looks like an identifier")
    assert ended.err.count("\n") == 1
    assert "--id" in ended.err


def test_progress_is_drawn_on_request(fit):
    """--verbose draws on stderr and leaves stdout alone; --quiet draws nothing."""
    loud, _ = fit("--id", "code", "--verbose")
    quiet, _ = fit("--id", "code", "--quiet")
    assert "ELBO" in loud.err
    assert quiet.err == ""
    assert loud.out.splitlines()[1:4] == quiet.out.splitlines()[1:4]


def test_a_few_slips_in_a_number_column_are_pointed_out(fit, tmp_path):
    """A column of numbers that becomes text is never silent."""
    rows = orders(60)
    rows[30][1] = "20,5"
    ended, _ = fit("--id", "code", table=write_table(tmp_path / "a.csv", COLUMNS, rows))
    assert ended.code == 0
    assert "warning: column 'amount' is read as text" in ended.err
    assert "'20,5' on line 32" in ended.err


def test_a_file_of_columns_says_what_the_detector_reads(fit, tmp_path):
    """Whole numbers as categories, and a counter as numbers; the kind of a label is not needed."""
    schema = tmp_path / "columns.toml"
    names = ["count", "color", "amount", "label", "code"]
    kinds = dict(zip(names, ["categorical", "categorical", "numeric", "categorical", "ignore"], strict=True))
    schema.write_text("".join(f'[columns.{name}]\nkind = "{kind}"\n' for name, kind in kinds.items()))
    ended, path = fit("--label", "label", "--normal", "good", "--columns", str(schema))
    assert ended.code == 0, ended.err
    found = {column.name: column.kind for column in load(path).schema_.columns}
    assert found["count"] == found["color"] == "categorical"
    assert found["amount"] == "numeric"
    assert load(path).column_kinds == {name: kinds[name] for name in ("count", "color", "amount")}
    schema.write_text('[columns.colour]\nkind = "boolean"\n')
    ended, _ = fit("--id", "code", "--columns", str(schema))
    assert ended.code == 2
    assert "colour" in ended.err


def test_fit_shows_in_short_what_check_finds_odd(run, tiny, tmp_path):
    """Three lines, and how to see the others."""
    rows = [f"{i % 7}.5,a,b,c,d,{i % 3}" for i in range(40)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["x,p,q,r,s,y", *rows]) + "\n")
    ended = run("fit", str(path), "-o", str(tmp_path / "m.avae"), "--config", tiny)
    assert ended.code == 0
    odd = [line.split(None, 1)[1] for line in ended.out.splitlines() if line.startswith("  odd ")]
    assert odd == [
        *(f"{name}: has one value only" for name in "pqr"),
        f"and 1 more; see anomaly-vae check {path}",
    ]


def test_a_fit_like_another_model_says_what_changed(run, model, train, tmp_path):
    """Options that the other model decides are refused; so are verdicts without one."""
    path = str(tmp_path / "new.avae")
    labels = ("--label", "label", "--normal", "good")
    ended = run("fit", train, "-o", path, "--from", model, *labels, "--quiet")
    assert ended.code == 0, ended.err
    assert f"compared with {model}" in ended.out
    assert "trained on 48, was 48" in ended.out
    ended = run("fit", train, "-o", path, "--from", model, "--id", "code", "--force")
    assert ended.code == 2
    assert "leave out --id" in ended.err
    ended = run("fit", train, "-o", path, "--verdicts", train, "--force")
    assert ended.code == 2
    assert "There is no --from; leave out --verdicts" in ended.err


def test_a_fast_sample_says_that_it_is_not_uniform(run, tmp_path, monkeypatch):
    """It reads some blocks, and the model keeps no digest of a file that was not read."""
    monkeypatch.setattr("anomaly_vae_pipelines.sources.text.CLUSTER_BYTES", 200)
    table = write_table(tmp_path / "a.csv", ["x", "y"], [[str(i % 9), str(i * i % 31)] for i in range(2_000)])
    config = tmp_path / "few.toml"
    config.write_text("[detector]\nmax_steps = 2\nhidden_sizes = [4]\n")
    options = ["--config", str(config), "--rows", "100"]
    path = str(tmp_path / "m.avae")
    ended = run("fit", table, "-o", path, *options, "--fast-sample")
    assert ended.code == 0
    note = r"  read +10 of \d+ blocks: not a uniform sample; kinds are those of its rows\n"
    assert re.search(note, ended.out)
    assert re.match(r"fitted 100 of [34]\d\d rows in", ended.out)
    assert "SHA-256" not in run("inspect", path).out
    whole = run("fit", table, "-o", path, *options, "--force", "--per", "x")
    assert re.match(r"fitted \d+ of 2,000 rows in", whole.out)
    assert "not a uniform sample" not in whole.out
    refused = run("fit", "-", "-o", path, *options, "--force", "--fast-sample", stdin=b"a,b\n1,2\n3,4\n")
    assert refused.code == 2
    assert "can only be read from its start" in refused.err
    missing = run("fit", table, "-o", path, *options, "--force", "--per", "z")
    assert missing.code == 2
    assert "there is no column 'z'" in missing.err
