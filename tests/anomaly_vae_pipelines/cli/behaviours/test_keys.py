"""Commands with a model that has a model and a threshold for each value of a column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import load_scorer, save
from tests.anomaly_vae.keyed.hosts import fitted, fresh, hosts
from tests.anomaly_vae_pipelines.cli.conftest import RULES, alerts_in


@pytest.fixture(scope="session")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of a model of hosts."""
    path = tmp_path_factory.mktemp("keyed") / "hosts.avae"
    save(fitted(), path)
    return str(path)


@pytest.fixture(scope="session")
def new(tmp_path_factory: pytest.TempPathFactory) -> str:
    """New rows of the hosts, some of them far from the usual ones of their host, labelled."""
    path = tmp_path_factory.mktemp("new") / "new.csv"
    rows = fresh().assign(label="ok")
    rows.loc[10:19, ["load", "label"]] = [90.0, "odd"]
    rows.to_csv(path, index=False)
    return str(path)


def test_fit_saves_a_model_for_each_key(run, tiny, tmp_path):
    train, path = str(tmp_path / "train.csv"), str(tmp_path / "hosts.avae")
    hosts(450, 0).assign(label="ok").to_csv(train, index=False)
    ended = run("fit", train, "-o", path, "--key", "host", "--ignore", "label", "--config", tiny)
    assert ended.code == 0, ended.err
    assert "one for each of 3 keys" in ended.out
    assert ", 1 key" in ended.out
    assert load_scorer(path).keys_.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--key", "nope"], "no column 'nope'"),
        (["--key", "host", "--id", "host"], "'host' is the key, so it cannot be left out"),
        (["--key", "host", "--recipe", "embeddings"], "goes with the recipe tabular, not with embeddings"),
        (["--key", "host", "--report", "page.html"], "leave out --report"),
        (["--key", "host", "--from", "old.avae"], "leave out --key"),
    ],
)
def test_fit_refuses_what_does_not_go_with_a_key(run, new, tmp_path, options, problem):
    ended = run("fit", new, "-o", str(tmp_path / "model.avae"), *options)
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert problem in ended.err


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_score_writes_what_the_model_gives(run, keyed, new, tmp_path, kind):
    out = tmp_path / f"scored.{kind}"
    ended = run("score", keyed, new, "-o", str(out))
    assert ended.code == 0, ended.err
    readers: dict[str, Any] = {"csv": pd.read_csv, "parquet": pd.read_parquet}
    found = pd.read_json(out, lines=True) if kind == "jsonl" else readers[kind](out)
    model, rows = load_scorer(keyed), pd.read_csv(new).drop(columns="label")
    np.testing.assert_allclose(found["score"], model.score_samples(rows), rtol=1e-12)
    np.testing.assert_array_equal(found["is_anomaly"], model.predict(rows) == -1)
    np.testing.assert_allclose(found["p_value"], model.p_values(rows), rtol=1e-5)
    assert json.loads(Path(f"{out}.summary.json").read_text())["threshold"] is None


def test_evaluate_counts_alerts_by_the_thresholds_of_the_keys(run, keyed, new):
    ended = run("evaluate", keyed, new, "--label", "label", "--normal", "ok", "--json")
    found, rows = json.loads(ended.out), pd.read_csv(new)
    flagged = load_scorer(keyed).predict(rows.drop(columns="label")) == -1
    assert found["n_alerts"] == flagged.sum()
    assert found["n_hits"] == (flagged & (rows["label"] == "odd")).sum() > 0
    assert (found["offset"], found["histogram"]) == (None, None)
    assert "one per key" in run("evaluate", keyed, new, "--label", "label", "--normal", "ok").out


def test_alerts_are_about_the_rows_that_their_key_flags(run, keyed, new, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.format(path=tmp_path / "alerts.jsonl").replace("code", "host"))
    most = max(len(fitted().calibration_scores_), *fitted().n_calibration_)
    assert f"has {most:,} held-out rows" in run("alerts", "check", str(rules), keyed).out
    assert run("score", keyed, new, "-o", str(tmp_path / "out.csv"), "--alerts", str(rules)).code == 0
    rows = pd.read_csv(new).drop(columns="label")
    flagged = rows.loc[load_scorer(keyed).predict(rows) == -1, "host"].fillna("")
    assert {alert["key"]["host"] or "" for alert in alerts_in(tmp_path)} == set(flagged)


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ('kind = "drift"', "kind = 'drift' needs a model with one threshold"),
        ('kind = "score"\np_value = 0.05\ntail = "gpd"', "tail = 'gpd' needs a model with one threshold"),
        ('kind = "score"\np_value = 0.0001', "can never fire"),
    ],
)
def test_a_rule_that_needs_one_threshold_is_refused(run, keyed, tmp_path, rule, problem):
    rules = tmp_path / "rules.toml"
    rules.write_text(f'[[rule]]\nname = "a"\n{rule}\n[[sink]]\nkind = "jsonl"\npath = "{tmp_path}/a.jsonl"\n')
    ended = run("alerts", "check", str(rules), keyed)
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert problem in ended.err


@pytest.mark.parametrize(
    "command",
    [
        "score {model} {new} -o {out} --fdr 0.1",
        "score {model} {new} -o {out} --alerts-per-day 1 --rows-per-day 9",
        "score {model} {new} -o {out} --report {out}.html",
        "threshold {model} -o {out} --alerts-per-day 1 --rows-per-day 9",
        "threshold {model} -o {out} --calibrate {new}",
        "report {model} {new} -o {out}",
        "card {model} -o {out}",
        "drift {model} {new}",
        "compare {model} {model} {new}",
        "learn {model} {new} -o {out}",
    ],
)
def test_what_needs_one_threshold_says_so(run, keyed, new, tmp_path, command):
    given = command.format(model=keyed, new=new, out=tmp_path / "out").split()
    ended = run(*given)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "a model with one threshold, and this one has a threshold for each key" in ended.err
    assert not (tmp_path / "out").exists()


def test_export_names_the_model_that_can_be_exported(run, keyed, tmp_path):
    ended = run("export", keyed, "-o", str(tmp_path / "model.onnx"))
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert ".shared_.to_onnx" in ended.err


def test_inspect_shows_the_number_of_thresholds(run, keyed):
    lines = {line.split("  ")[1]: line for line in run("inspect", keyed).out.splitlines() if "  " in line}
    assert "one for each of 3 keys" in lines["threshold"]
    assert "false-alarm rate" in lines["other keys"]


def test_threshold_sets_that_of_every_key(run, keyed, tmp_path):
    path = str(tmp_path / "changed.avae")
    ended = run("threshold", keyed, "-o", path, "--contamination", "0.25")
    assert (ended.code, "one for each of 3 keys" in ended.out) == (0, True)
    model, before = load_scorer(path), load_scorer(keyed)
    assert (model.offsets_ > before.offsets_).all()
    assert model.offset_ > before.offset_
